//! The data directory that every server starts from.
//!
//! Creating one takes most of a second, copying one a twentieth of that. So it is created once per
//! server version under `target/testkit` and copied for each server.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;
use crate::folder::{self, last_lines};
use crate::programs::ServerProgram;

/// Raised when the flags below change, so that nobody copies an old one.
const REVISION: u32 = 1;

/// Flags that a data directory is created with and that its servers repeat.
pub(crate) fn layout(program: &ServerProgram) -> [&'static str; 1] {
    if program.is_mariadb() {
        ["--innodb-log-file-size=32M"]
    } else {
        ["--innodb-redo-log-capacity=32M"]
    }
}

/// What MySQL's installation lacks beside MariaDB's: root over 127.0.0.1, without a lookup of the name.
const MYSQL_ROOT: &str = "\
    CREATE USER root@'127.0.0.1';
    GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
";

/// Creates `data` as a copy of the template, which is made first if it is not there.
///
/// # Blocks
/// While another process makes the template.
pub(crate) fn copy_to(data: &Path, program: &ServerProgram, as_root: bool) -> Result<(), Error> {
    let template = make_once(program, as_root)?;
    copy(&template, data).map_err(Error::io(format!("copying {}", template.display())))
}

fn make_once(program: &ServerProgram, as_root: bool) -> Result<PathBuf, Error> {
    let home = folder::home()?;
    let mut hasher = DefaultHasher::new();
    (&program.path, &program.version, &program.flags, REVISION, as_root).hash(&mut hasher);
    let template = home.join(format!("template-{:016x}", hasher.finish()));
    if template.is_dir() {
        return Ok(template);
    }
    let _lock = folder::lock(&home.join("template.lock"))?;
    if template.is_dir() {
        return Ok(template);
    }
    // Under the final name only when it is complete: a killed installation leaves no half template.
    let unfinished = template.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("removing a half template"))?;
    }
    install(&unfinished, program, as_root)?;
    fs::rename(&unfinished, &template).map_err(Error::io("renaming the template"))?;
    Ok(template)
}

fn install(data: &Path, program: &ServerProgram, as_root: bool) -> Result<(), Error> {
    let init = data.with_extension("sql");
    let mut command = if program.is_mariadb() {
        let (script, base) = program.installer()?;
        let mut command = Command::new(script);
        command.arg("--no-defaults");
        command.args(base.map(|base| format!("--basedir={}", base.display())));
        // Root logs in without a password, over the socket and over 127.0.0.1 alike.
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        command.arg("--skip-name-resolve");
        command
    } else {
        let mut command = Command::new(&program.path);
        fs::write(&init, MYSQL_ROOT).map_err(Error::io(format!("writing {}", init.display())))?;
        command.args(["--no-defaults", "--initialize-insecure"]);
        command.arg(format!("--init-file={}", init.display()));
        command
    };
    command.arg(format!("--datadir={}", data.display())).args(layout(program));
    command.args(&program.flags);
    command.args(as_root.then_some("--user=root"));
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(Error::io(format!("starting {name}")))?;
    // It is there only for MySQL.
    drop(fs::remove_file(&init));
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    let output = last_lines(&String::from_utf8_lossy(&printed), 15);
    Err(Error::Install { program: name, output })
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_template_is_made_once_and_copied_whole() {
        let program = ServerProgram::find().expect("MariaDB is installed");
        let as_root = fs::metadata("/proc/self").expect("this process").uid() == 0;
        let inode = |path: &Path| fs::metadata(path).expect("it is there").ino();
        let template = make_once(&program, as_root).expect("a template");
        let first = inode(&template);
        assert_eq!(inode(&make_once(&program, as_root).expect("the same template")), first);
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        copy_to(&data, &program, as_root).expect("a copy");
        let accounts = if program.is_mariadb() { "mysql/global_priv.MAD" } else { "mysql.ibd" };
        for file in ["ibdata1", accounts] {
            let read = |from: &Path| fs::read(from.join(file)).expect("a file of the server");
            assert!(read(&data) == read(&template), "{file} differs");
        }
    }
}
