//! What an error number means for whoever gets it.
//!
//! Numbers decide, never texts: the server translates its messages (`lc_messages`) and the two
//! client libraries word theirs differently. Some numbers mean different things to the two vendors
//! (4025 is a violated CHECK for MariaDB and a wrong tablespace size for MySQL), so the vendor
//! takes part. Sources: the manuals' "Server Error Message Reference" and "Client Error Message
//! Reference", MariaDB's `perror`, and what was seen on real servers (docs/faults.md).

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
    /// The whole transaction, for certain or perhaps.
    Transaction,
    /// The connection, and with it the transaction.
    Connection,
}

/// The number a client library gives when a peer no longer speaks.
pub(crate) const CR_SERVER_GONE_ERROR: u32 = 2006;
/// The number for a broken connection in the middle of something.
pub(crate) const CR_SERVER_LOST: u32 = 2013;

/// The number for whatever goes wrong with TLS.
pub(crate) const CR_SSL_CONNECTION_ERROR: u32 = 2026;

/// What `errno` from a server of `vendor` means, and what it cost.
pub(crate) fn classify(vendor: Vendor, errno: u32, sqlstate: &str) -> (Fault, Loss) {
    known_to_both(errno)
        .or_else(|| match vendor {
            Vendor::MariaDb => known_to_mariadb(errno),
            Vendor::MySql => known_to_mysql(errno),
        })
        .unwrap_or_else(|| by_sqlstate(sqlstate))
}

fn known_to_both(errno: u32) -> Option<(Fault, Loss)> {
    Some(match errno {
        // Deadlock; also a failed Galera certification.
        1213 => (Fault::Transient, Loss::Transaction),
        // Lock wait timeout. The server undoes the statement, or with innodb_rollback_on_timeout
        // all: assume all.
        1205 => (Fault::Transient, Loss::Transaction),
        // Lock table full: the transaction was rolled back.
        1206 => (Fault::Transient, Loss::Transaction),
        // XA: rolled back for a reason, a timeout, a deadlock.
        1402 | 1613 | 1614 => (Fault::Transient, Loss::Transaction),
        // The table's definition changed under the snapshot; a prepared statement must be prepared
        // anew.
        1412 | 1615 | 1243 => (Fault::Transient, Loss::Statement),
        // max_prepared_stmt_count reached.
        1461 => (Fault::Busy, Loss::Statement),

        // Cannot reach or greet the server: socket, TCP, name, handshake; the server looks our name
        // up in vain.
        2002 | 2003 | 2005 | 2012 | 1042 | 1043 => (Fault::Disconnected, Loss::Connection),
        // Lost, also in the middle of a packet, or out of step with it.
        // Under TLS libmariadb gives 2026 for it; before that, see `ServerError::refused`.
        CR_SERVER_GONE_ERROR | CR_SERVER_LOST | 2014 | 2026 | 2027 | 2055 => {
            (Fault::Disconnected, Loss::Connection)
        }
        // Server is shutting down; aborted connections; errors in reading or writing packets.
        1053 | 1152 | 1154 | 1155 | 1156..=1161 | 1184 => (Fault::Disconnected, Loss::Connection),
        // A packet above max_allowed_packet: the server closes the connection. The client's own
        // limit is 2020.
        1153 | 2020 => (Fault::Permanent, Loss::Connection),

        // Too many connections, for all, for this user, or above a resource limit; no threads or
        // memory.
        1040 | 1203 | 1226 | 1041 | 1135 => (Fault::Busy, Loss::Statement),
        // Disk full, table full, out of undo slots: slow to heal, but it heals.
        1021 | 1114 | 1637 => (Fault::Busy, Loss::Statement),

        // Duplicate key.
        1062 | 1586 | 1859 => (Fault::Constraint, Loss::Statement),
        // Foreign keys.
        1216 | 1217 | 1451 | 1452 => (Fault::Constraint, Loss::Statement),
        // NULL where none may be; no default.
        1048 | 1364 => (Fault::Constraint, Loss::Statement),
        // Out of range, truncated, wrong or too long a value.
        1264 | 1265 | 1292 | 1366 | 1406 | 1690 => (Fault::Constraint, Loss::Statement),

        // Values that do not fit the placeholders: refused by the client library, nothing was sent.
        2031 | 2034 | 2036 => (Fault::Permanent, Loss::Statement),
        // The statement gives other columns than when it was prepared.
        2057 => (Fault::Permanent, Loss::Connection),

        // Interrupted by KILL QUERY: somebody's will.
        1317 => (Fault::Permanent, Loss::Statement),
        // The server takes no writes; a write in a read-only transaction.
        1290 | 1836 | 1874 | 1792 => (Fault::Permanent, Loss::Statement),
        // Collations that do not mix, unknown system variables, wrong arguments, safe updates, a
        // table in its own subquery or trigger.
        1093 | 1175 | 1193 | 1210 | 1231 | 1267 | 1270 | 1271 | 1411 | 1442 | 1526 => {
            (Fault::Permanent, Loss::Statement)
        }
        // Not allowed in, whatever the reason: plugins, password, host, database.
        2054 | 2058 | 2059 | 2061 | 1044 | 1045 | 1049 | 1129 | 1130 | 1251 | 1698 | 1820
        | 1862 => (Fault::Permanent, Loss::Statement),
        _ => return None,
    })
}

fn known_to_mariadb(errno: u32) -> Option<(Fault, Loss)> {
    Some(match errno {
        // innodb_snapshot_isolation (on by default from 11.8): the row changed since the snapshot;
        // all rolled back.
        1020 => (Fault::Transient, Loss::Transaction),
        // Connection was killed.
        1927 => (Fault::Disconnected, Loss::Connection),
        // Galera: this node is not ready for queries.
        1047 => (Fault::Busy, Loss::Statement),
        // max_statement_time.
        1969 => (Fault::Permanent, Loss::Statement),
        // CHECK.
        4025 => (Fault::Constraint, Loss::Statement),
        _ => return None,
    })
}

fn known_to_mysql(errno: u32) -> Option<(Fault, Loss)> {
    Some(match errno {
        // NOWAIT, and user-level locks: the transaction stays open.
        3572 | 3058 | 3132 => (Fault::Transient, Loss::Statement),
        // Group Replication rolled the transaction back on certification.
        3101 => (Fault::Transient, Loss::Transaction),
        // Killed; disconnected by the server for being idle.
        3169 | 4031 => (Fault::Disconnected, Loss::Connection),
        // max_execution_time.
        3024 => (Fault::Permanent, Loss::Statement),
        // CHECK.
        3819 => (Fault::Constraint, Loss::Statement),
        // Group Replication consistency: the member cannot serve now.
        3796..=3799 => (Fault::Busy, Loss::Statement),
        _ => return None,
    })
}

/// Numbers nobody listed. What is not known to leave the transaction whole counts as having undone
/// it.
fn by_sqlstate(sqlstate: &str) -> (Fault, Loss) {
    match sqlstate.get(..2) {
        Some("40") => (Fault::Transient, Loss::Transaction),
        Some("XA") => (Fault::Transient, Loss::Transaction),
        Some("08") => (Fault::Disconnected, Loss::Connection),
        Some("22" | "23") => (Fault::Constraint, Loss::Statement),
        // Syntax and access (1064, 1054, 1146 …), cardinality, cursors, features; our own refusals
        // of what is too large to be sent.
        Some("54" | "42" | "21" | "24" | "28" | "0A" | "01" | "02" | "45") => {
            (Fault::Permanent, Loss::Statement)
        }
        _ => (Fault::Permanent, Loss::Transaction),
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
        assert_eq!(
            classify(Vendor::MariaDb, 59_999, "HY000"),
            (Fault::Permanent, Loss::Transaction)
        );
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
}
