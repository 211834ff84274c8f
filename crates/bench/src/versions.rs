//! The versions this program was built with, as the lock file names them.

const LOCK: &str = include_str!("../../../Cargo.lock");

/// `name version` of a crate in the lock file.
pub(crate) fn named(name: &str) -> String {
    let version = version_in(LOCK, name).unwrap_or("of unknown version");
    format!("{name} {version}")
}

fn version_in<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let entry = format!("name = \"{name}\"\nversion = \"");
    lock.split_once(&entry)?.1.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_exactly_that_crate_is_found() {
        let lock = "[[package]]\nname = \"r2d2-else\"\nversion = \"9.9.9\"\n\n\
                    [[package]]\nname = \"r2d2\"\nversion = \"0.8.10\"\nsource = \"…\"\n";

        assert_eq!(version_in(lock, "r2d2"), Some("0.8.10"));
        assert_eq!(version_in(lock, "r2d"), None);
    }

    #[test]
    fn every_peer_stands_in_the_lock_file() {
        for peer in ["diesel", "mysql", "r2d2"] {
            assert!(version_in(LOCK, peer).is_some(), "{peer}");
        }
    }
}
