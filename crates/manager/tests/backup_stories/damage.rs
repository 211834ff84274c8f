//! Damage is found, with the file's name, before anything is restored.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use steadfast_manager::{BackupError, BackupOptions, Damage, backup, verify};

use crate::ground::Ground;

fn ground() -> Ground {
    let ground = Ground::new(
        "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(100)); INSERT INTO t SELECT seq, LEFT(SHA2(seq, 256), 32) FROM seq_1_to_500;
         CREATE VIEW v AS SELECT a FROM t; CREATE PROCEDURE p() SELECT 1;",
    );
    backup(&ground.config(), &ground.dir(), &BackupOptions::new().chunk_bytes(4096)).unwrap();
    ground
}

/// All files of a backup, relative to its folder.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found
}

#[track_caller]
fn damaged_file(dir: &Path) -> PathBuf {
    match verify(dir) {
        Err(BackupError::Damaged { file, .. }) => file,
        Err(BackupError::NotABackup { missing, .. }) => missing.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flipped_bit_a_lost_end_and_a_missing_file_are_found_in_every_file() {
    let ground = ground();
    let files = files(&ground.dir());
    assert!(files.len() > 10, "{files:?}");
    for file in &files {
        let path = ground.dir().join(file);
        let sound = fs::read(&path).unwrap();
        for place in [0, sound.len() / 2, sound.len() - 1] {
            let mut flipped = sound.clone();
            flipped[place] ^= 1 << (place % 8);
            fs::write(&path, flipped).unwrap();
            assert_eq!(&damaged_file(&ground.dir()), file, "bit at {place}");
        }
        fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        assert_eq!(&damaged_file(&ground.dir()), file, "truncated");
        fs::remove_file(&path).unwrap();
        assert_eq!(&damaged_file(&ground.dir()), file, "missing");
        fs::write(&path, sound).unwrap();
        verify(&ground.dir()).unwrap();
    }
}

#[test]
fn every_bit_of_the_papers_counts() {
    let ground = ground();
    for file in ["manifest.json", "SHA256SUMS"] {
        let path = ground.dir().join(file);
        let sound = fs::read(&path).unwrap();
        for place in 0..sound.len() {
            let mut flipped = sound.clone();
            flipped[place] ^= 1 << (place % 8);
            fs::write(&path, flipped).unwrap();
            assert_eq!(damaged_file(&ground.dir()), Path::new(file), "bit at {place}");
        }
        fs::write(&path, sound).unwrap();
    }
}

#[test]
fn swapped_and_added_files_are_found() {
    let ground = ground();
    let chunks: Vec<PathBuf> =
        files(&ground.dir()).into_iter().filter(|file| file.starts_with("data")).collect();
    let (first, second) = (ground.dir().join(&chunks[0]), ground.dir().join(&chunks[1]));
    let spare = ground.dir().with_file_name("spare");
    fs::rename(&first, &spare).unwrap();
    fs::rename(&second, &first).unwrap();
    fs::rename(&spare, &second).unwrap();
    assert!(chunks[..2].contains(&damaged_file(&ground.dir())));
    fs::rename(&first, &spare).unwrap();
    fs::rename(&second, &first).unwrap();
    fs::rename(&spare, &second).unwrap();
    verify(&ground.dir()).unwrap();

    fs::write(ground.dir().join("data/more"), "").unwrap();
    assert_eq!(damaged_file(&ground.dir()), Path::new("data/more"));
    fs::remove_file(ground.dir().join("data/more")).unwrap();
    symlink(&first, ground.dir().join("link")).unwrap();
    assert_eq!(damaged_file(&ground.dir()), Path::new("link"));
}

#[test]
fn a_damaged_backup_is_not_restored_at_all() {
    let ground = ground();
    let file = files(&ground.dir()).into_iter().find(|file| file.starts_with("data")).unwrap();
    let path = ground.dir().join(&file);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    match ground.restore() {
        Err(BackupError::Damaged { file: told, damage: Damage::Hash { .. } }) => {
            assert_eq!(told, file);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ground.copy.sql("SHOW TABLES").unwrap(), "");
}

#[test]
fn sha256sum_checks_a_backup_too() {
    let ground = ground();
    let check = || {
        let mut command = Command::new("sha256sum");
        command.args(["-c", "--strict", "SHA256SUMS"]).current_dir(ground.dir());
        command.output().unwrap()
    };
    let output = check();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().lines().count(),
        files(&ground.dir()).len() - 1
    );
    fs::write(ground.dir().join("manifest.json"), "{}").unwrap();
    assert!(!check().status.success());
}

/// Rewrites the manifest as a hand that knows the format would.
fn forge(dir: &Path, change: impl Fn(&str) -> String) {
    let path = dir.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let (old, start) = (text[17..81].to_owned(), text.replace(&text[17..81], &"0".repeat(64)));
    let changed = change(&start);
    let hex = |bytes: &str| -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    let sealed = changed.replacen(&"0".repeat(64), &hex(&changed), 1);
    let sums = fs::read_to_string(dir.join("SHA256SUMS")).unwrap();
    fs::write(dir.join("SHA256SUMS"), sums.replace(&hex(&text), &hex(&sealed))).unwrap();
    fs::write(&path, &sealed).unwrap();
    assert_eq!(old.len(), 64);
}

#[test]
fn a_format_of_the_future_is_refused() {
    let ground = ground();
    forge(&ground.dir(), |text| text.replace("\"format\": 1,", "\"format\": 2, \"news\": [],"));
    assert!(matches!(
        verify(&ground.dir()),
        Err(BackupError::UnknownFormat { found: 2, known: 1, .. })
    ));
    assert!(matches!(ground.restore(), Err(BackupError::UnknownFormat { .. })));
}

#[test]
fn a_manifest_that_leads_out_of_the_folder_is_refused() {
    let ground = ground();
    forge(&ground.dir(), |text| text.replacen("schema/", "../schema/", 1));
    assert_eq!(damaged_file(&ground.dir()), Path::new("manifest.json"));
}

#[test]
fn a_chunk_that_the_server_does_not_take_whole_is_rolled_back_and_told() {
    let ground = ground();
    // A sound backup with one row more in its manifest than in its file.
    forge(&ground.dir(), |text| {
        let at = text.find("00000.tsv.zst").unwrap();
        let rows = text[at..].find("\"rows\": ").unwrap() + at + 8;
        let end = text[rows..].find(',').unwrap() + rows;
        let more = text[rows..end].parse::<u64>().unwrap() + 1;
        format!("{}{more}{}", &text[..rows], &text[end..])
    });
    verify(&ground.dir()).unwrap();
    match ground.restore() {
        Err(BackupError::ChunkRefused { file, table, expected, loaded, .. }) => {
            assert!(file.ends_with("00000.tsv.zst"), "{}", file.display());
            assert_eq!((table.as_str(), expected), ("t", loaded + 1));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ground.copy.sql("SELECT COUNT(*) FROM t").unwrap(), "0");
}
