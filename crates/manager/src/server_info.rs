//! What a server says of itself, asked in one statement.

use serde::Serialize;
use steadfast_connection::{Connection, Error, Vendor};

use crate::answer_rows::{TextRow, row};

/// What the server says of itself and of the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerInfo {
    /// `mariadb` or `mysql`.
    pub vendor: &'static str,
    /// As the server writes it, such as `10.11.19-MariaDB-log`.
    pub version: String,
    /// The database the session works in.
    pub database: String,
    /// The machine's name as the server knows it.
    pub host: String,
    /// The server's TCP port.
    pub port: u64,
    /// The account the session runs as, as the server matched it.
    pub account: String,
    /// The character set of the database.
    pub character_set: String,
    /// The collation of the database.
    pub collation: String,
    /// The session's `sql_mode`.
    pub sql_mode: String,
    /// True if the server takes no writes: `read_only`, `super_read_only` or `innodb_read_only`.
    pub read_only: bool,
    /// How long the server keeps an idle connection, in seconds.
    pub wait_timeout_s: u64,
    /// How many connections the server takes.
    pub max_connections: u64,
    /// 1 if every commit is synced to disk.
    pub innodb_flush_log_at_trx_commit: u64,
    /// 1 if every commit's binary log is synced to disk.
    pub sync_binlog: u64,
    /// Whether there is a binary log.
    pub log_bin: bool,
}

impl ServerInfo {
    /// Asks for it all in one round trip.
    pub(crate) fn read(conn: &mut Connection) -> Result<Self, Error> {
        let vendor = conn.vendor();
        // MariaDB has no super_read_only before 12; MySQL's super_read_only implies read_only.
        let row = row(
            conn,
            "SELECT VERSION(), DATABASE(), @@hostname, @@port, CURRENT_USER(), \
             @@character_set_database, @@collation_database, @@sql_mode, @@read_only, \
             @@innodb_read_only, @@wait_timeout, @@max_connections, \
             @@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin",
        )?;
        Ok(Self::of(vendor, &row))
    }

    fn of(vendor: Vendor, row: &TextRow) -> Self {
        Self {
            vendor: vendor.as_str(),
            version: row.text(0).to_owned(),
            database: row.text(1).to_owned(),
            host: row.text(2).to_owned(),
            port: row.number(3),
            account: row.text(4).to_owned(),
            character_set: row.text(5).to_owned(),
            collation: row.text(6).to_owned(),
            sql_mode: row.text(7).to_owned(),
            read_only: row.is_on(8) || row.is_on(9),
            wait_timeout_s: row.number(10),
            max_connections: row.number(11),
            innodb_flush_log_at_trx_commit: row.number(12),
            sync_binlog: row.number(13),
            log_bin: row.is_on(14),
        }
    }

    /// Whether values that do not fit are refused instead of bent.
    pub fn is_strict(&self) -> bool {
        self.sql_mode
            .split(',')
            .any(|mode| matches!(mode, "STRICT_TRANS_TABLES" | "STRICT_ALL_TABLES"))
    }

    /// `(10, 11)` of `10.11.19-MariaDB`; `None` if the text begins differently.
    pub(crate) fn release(&self) -> Option<(u32, u32)> {
        // Replication to old servers had MariaDB put 5.5.5- in front of its own version.
        let text = self.version.strip_prefix("5.5.5-").unwrap_or(&self.version);
        let mut numbers = text.split(['.', '-']).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// The oldest release of this vendor that we work with.
    pub(crate) fn floor(&self) -> (u32, u32) {
        // 10.6 is the oldest MariaDB with atomic DDL, 8.0 the oldest MySQL.
        if self.vendor == Vendor::MariaDb.as_str() { (10, 6) } else { (8, 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(vendor: Vendor, version: &str) -> ServerInfo {
        ServerInfo { version: version.to_owned(), ..ServerInfo::of(vendor, &TextRow::default()) }
    }

    #[test]
    fn releases_are_read_from_what_servers_write() {
        let releases = ["10.11.19-MariaDB-log", "5.5.5-10.6.1-MariaDB", "8.4.0", "9.7-labs", "?"]
            .map(|version| info(Vendor::MySql, version).release());
        assert_eq!(releases, [Some((10, 11)), Some((10, 6)), Some((8, 4)), Some((9, 7)), None]);
        assert!(info(Vendor::MySql, "5.7.44").release() < Some((8, 0)));
    }

    #[test]
    fn strict_is_told_from_the_list_of_modes() {
        let mut server = info(Vendor::MariaDb, "10.11.19-MariaDB");
        assert!(!server.is_strict());
        server.sql_mode = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES".to_owned();
        assert!(server.is_strict());
    }
}
