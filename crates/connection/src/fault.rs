//! What an error number means for whoever gets it.
//!
//! Numbers decide, never texts: the server translates its messages (`lc_messages`) and the two
//! client libraries word theirs differently. Some numbers mean different things to the two vendors
//! (4025 is a violated CHECK for MariaDB and a wrong tablespace size for MySQL), so the vendor
//! takes part. Sources: the manuals' "Server Error Message Reference" and "Client Error Message
//! Reference", MariaDB's `perror`, and what was seen on real servers (docs/faults.md).

mod numbers;

/// What a caller can do about a failure: the one thing that decides a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Undone by the server (1213, 1205): run it again.
    Transient,
    /// The connection is gone and nothing was under way: run it again on another.
    Disconnected,
    /// The server or the pool has no room now: later, with a pause.
    Busy,
    /// The data says no (1062, 1452): tell whoever sent it.
    Constraint,
    /// It may have happened: resolve before anything else.
    Uncertain,
    /// Stays wrong until somebody changes something.
    Permanent,
}

impl Fault {
    /// The word for it in logs and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Disconnected => "disconnected",
            Self::Busy => "busy",
            Self::Constraint => "constraint",
            Self::Uncertain => "uncertain",
            Self::Permanent => "permanent",
        }
    }

    pub(crate) fn from_str(word: &str) -> Option<Self> {
        [
            Self::Transient,
            Self::Disconnected,
            Self::Busy,
            Self::Constraint,
            Self::Uncertain,
            Self::Permanent,
        ]
        .into_iter()
        .find(|fault| fault.as_str() == word)
    }
}

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// MariaDB Server.
    MariaDb,
    /// MySQL Server, and what speaks like it.
    MySql,
}

impl Vendor {
    /// Told from the version text of the greeting, which MariaDB always marks
    /// (`10.11.19-MariaDB-…`).
    pub(crate) fn of_version(version: &str) -> Self {
        if version.contains("MariaDB") { Self::MariaDb } else { Self::MySql }
    }

    /// The word for it in logs and reports; also OpenTelemetry's `db.system.name`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }
}

/// How much a failed statement took with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The statement alone; the transaction is as it was before it.
    Statement,
    /// The whole transaction.
    Transaction,
    /// Perhaps the whole transaction: the number does not say, so it counts as undone.
    Unknown,
    /// The connection, and with it the transaction.
    Connection,
}

/// The number a client library gives when a peer no longer speaks.
pub(crate) const CR_SERVER_GONE_ERROR: u32 = 2006;
/// The number for a broken connection in the middle of something.
pub(crate) const CR_SERVER_LOST: u32 = 2013;

/// The number where an account's way to authenticate is not gone.
pub(crate) const CR_AUTH_PLUGIN_ERR: u32 = 2061;

/// The number for whatever goes wrong with TLS.
pub(crate) const CR_SSL_CONNECTION_ERROR: u32 = 2026;

/// What `errno` from a server of `vendor` means, and what it cost.
pub(crate) fn classify(vendor: Vendor, errno: u32, sqlstate: &str) -> (Fault, Loss) {
    numbers::known(vendor, errno).unwrap_or_else(|| by_sqlstate(sqlstate))
}

/// Numbers nobody listed. What is not known to leave the transaction whole counts as having undone
/// it.
fn by_sqlstate(sqlstate: &str) -> (Fault, Loss) {
    match sqlstate.get(..2) {
        Some("40") => (Fault::Transient, Loss::Transaction),
        // XA100 to XA107 say "rolled back"; XAE04 and its like are refusals.
        Some("XA") if sqlstate.starts_with("XA1") => (Fault::Transient, Loss::Transaction),
        Some("08") => (Fault::Disconnected, Loss::Connection),
        Some("22" | "23") => (Fault::Constraint, Loss::Statement),
        // Syntax and access (1064, 1054, 1146 …), cardinality, cursors, routines, features; 54 is our
        // own refusal of what is too large to be sent.
        Some(
            "42" | "54" | "20" | "21" | "24" | "2F" | "28" | "3D" | "44" | "45" | "0A" | "01"
            | "02",
        ) => (Fault::Permanent, Loss::Statement),
        _ => (Fault::Permanent, Loss::Unknown),
    }
}

/// True if a server error in answer to COMMIT says for certain that nothing was committed. Every
/// other failure there leaves the outcome open.
pub(crate) fn aborts_for_certain(vendor: Vendor, errno: u32) -> bool {
    match errno {
        1205 | 1213 | 1290 | 1836 | 1874 | 1402 | 1613 | 1614 | 1062 => true,
        1020 => vendor == Vendor::MariaDb,
        3101 => vendor == Vendor::MySql,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_means_different_things_to_the_vendors() {
        assert_eq!(classify(Vendor::MariaDb, 4025, "23000").0, Fault::Constraint);
        assert_eq!(classify(Vendor::MySql, 4025, "HY000").0, Fault::Permanent);
        assert_eq!(classify(Vendor::MySql, 4031, "HY000").0, Fault::Disconnected);
        assert_eq!(classify(Vendor::MariaDb, 4031, "HY000").0, Fault::Permanent);
    }

    #[test]
    fn an_unknown_number_is_never_retried_and_counts_as_having_undone_the_transaction() {
        assert_eq!(classify(Vendor::MariaDb, 59_999, "HY000"), (Fault::Permanent, Loss::Unknown));
        assert!(!aborts_for_certain(Vendor::MariaDb, 59_999));
    }

    #[test]
    fn a_failed_commit_is_certain_only_for_listed_numbers() {
        assert!(aborts_for_certain(Vendor::MariaDb, 1213));
        assert!(aborts_for_certain(Vendor::MariaDb, 1020));
        assert!(!aborts_for_certain(Vendor::MySql, 1020));
        for doubtful in [1053, 1180, 1593, 1927, 2006, 2013, 3100] {
            assert!(!aborts_for_certain(Vendor::MySql, doubtful), "{doubtful}");
        }
    }

    #[test]
    fn the_words_lead_back_to_the_faults() {
        for fault in [Fault::Transient, Fault::Busy, Fault::Uncertain, Fault::Permanent] {
            assert_eq!(Fault::from_str(fault.as_str()), Some(fault));
        }
    }

    /// The rows of docs/faults.md that have a number.
    fn rows() -> impl Iterator<Item = Vec<&'static str>> {
        include_str!("../../../docs/faults.md").lines().filter_map(|line| {
            let cells: Vec<_> = line.strip_prefix("| ")?.split('|').map(str::trim).collect();
            (cells.len() >= 8 && cells.first()?.parse::<u32>().is_ok()).then_some(cells)
        })
    }

    #[test]
    fn the_page_has_a_row_for_each_number_and_says_what_the_code_does() {
        let mut written = std::collections::BTreeMap::new();
        for row in rows() {
            let [number, _, servers, fault, after, again, action, evidence, ..] = row[..] else {
                panic!("{row:?}");
            };
            assert!(!action.is_empty() && matches!(evidence, "seen" | "manual"), "{row:?}");
            let vendors = match servers {
                "MariaDB" => &[Vendor::MariaDb][..],
                "MySQL" => &[Vendor::MySql],
                "both" | "client" => &[Vendor::MariaDb, Vendor::MySql],
                _ => panic!("{row:?}"),
            };
            let errno: u32 = number.parse().expect("a number");
            for &vendor in vendors {
                let twice = written.insert((vendor.as_str(), errno), (fault, after, again));
                assert!(twice.is_none(), "{row:?}");
                let (known, loss) = numbers::known(vendor, errno).expect(number);
                assert_eq!(format!("{known:?}"), fault, "{row:?}");
                let expected = match after {
                    "whole" => loss == Loss::Statement,
                    "gone" => loss == Loss::Transaction,
                    "unknown" => loss == Loss::Unknown,
                    "lost" => loss == Loss::Connection,
                    // While connecting there is nothing to lose.
                    "none" => matches!(loss, Loss::Statement | Loss::Connection),
                    _ => false,
                };
                assert!(expected, "{row:?}");
                let retry = match known {
                    Fault::Transient => "yes",
                    Fault::Disconnected => "elsewhere",
                    Fault::Busy => "later",
                    Fault::Constraint | Fault::Permanent | Fault::Uncertain => "no",
                };
                assert_eq!(again, retry, "{row:?}");
            }
        }
        for vendor in [Vendor::MariaDb, Vendor::MySql] {
            for errno in (0..=65_535).filter(|&errno| numbers::known(vendor, errno).is_some()) {
                assert!(written.contains_key(&(vendor.as_str(), errno)), "{errno} has no row");
            }
        }
    }
}
