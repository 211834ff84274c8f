//! What a server is: tests branch where the vendors truly differ, and say so where they skip.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::{env, thread};

use crate::Error;

/// Who made a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// MariaDB, in any version.
    MariaDb,
    /// MySQL, in any version.
    MySql,
}

/// A server's vendor and version, from its own `VERSION()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    vendor: Vendor,
    numbers: (u32, u32, u32),
}

impl Version {
    /// From the text of `VERSION()`, such as `10.11.19-MariaDB-0+deb12u1-log` or `9.7.4-2`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let vendor = if text.contains("MariaDB") { Vendor::MariaDb } else { Vendor::MySql };
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { vendor, numbers: (next()?, next()?, next()?) })
    }

    /// Who made it.
    pub fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// Whether it is MariaDB.
    pub fn is_mariadb(&self) -> bool {
        self.vendor == Vendor::MariaDb
    }

    /// Major, minor and patch number. Compare them only among servers of one vendor.
    pub fn numbers(&self) -> (u32, u32, u32) {
        self.numbers
    }

    /// Whether a test that only makes sense on `vendor` runs here. If not, the test is to return: it
    /// was [skipped](Self::skip).
    ///
    /// # Panics
    /// As [`skip`](Self::skip) does.
    #[must_use = "the test has to return when it does not run here"]
    pub fn runs(&self, vendor: Vendor, reason: &str) -> bool {
        if self.vendor == vendor {
            return true;
        }
        self.skip(reason);
        false
    }

    /// Says that the test under way does not run on this server, and is to return: its name and
    /// `reason` are printed, and added to the file that `STEADFAST_SKIPPED` names, from which
    /// `scripts/test` tells them.
    ///
    /// # Panics
    /// If that file cannot be written.
    pub fn skip(&self, reason: &str) {
        let thread = thread::current();
        let line = format!("skipped on {self}: {}: {reason}", thread.name().unwrap_or("a test"));
        #[expect(clippy::print_stderr, reason = "whoever runs the test is to see it")]
        {
            eprintln!("{line}");
        }
        if let Some(path) = env::var_os("STEADFAST_SKIPPED").filter(|path| !path.is_empty()) {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
            written.map_err(Error::io("writing to the file of STEADFAST_SKIPPED")).unwrap();
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vendor = if self.is_mariadb() { "MariaDB" } else { "MySQL" };
        let (major, minor, patch) = self.numbers;
        write!(f, "{vendor} {major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_servers_text() {
        let shown = |text| Version::parse(text).expect("it is a version").to_string();
        assert_eq!(shown("10.11.19-MariaDB-0+deb12u1-log"), "MariaDB 10.11.19");
        assert_eq!(shown("11.8.9-MariaDB-0+deb13u1 from Debian-log"), "MariaDB 11.8.9");
        assert_eq!(shown("9.7.4-2"), "MySQL 9.7.4");
        assert_eq!(Version::parse("nine"), None);
    }
}
