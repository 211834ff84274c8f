//! What all stories need: a database, a folder, and a second opinion on what a database holds.

use std::path::PathBuf;

use steadfast_connection::Config;
use steadfast_manager::{
    BackupError, BackupOptions, BackupReport, RestoreOptions, RestoreReport, backup, restore,
};
use steadfast_testkit::{TestDatabase, server};
use tempfile::TempDir;

/// A database to be backed up, an empty one to restore into, and a folder for the backup.
pub(crate) struct Ground {
    pub(crate) database: TestDatabase,
    pub(crate) copy: TestDatabase,
    folder: TempDir,
}

impl Ground {
    /// A database made by `sql`.
    #[track_caller]
    pub(crate) fn new(sql: &str) -> Self {
        let database = server().database();
        database.sql(sql).unwrap();
        Self { database, copy: server().database(), folder: TempDir::new().unwrap() }
    }

    /// Where the backup goes.
    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("night")
    }

    /// Where an unfinished backup would be.
    pub(crate) fn partial(&self) -> PathBuf {
        self.folder.path().join("night.partial")
    }

    pub(crate) fn config(&self) -> Config {
        Config::from_url(&self.database.socket_url()).unwrap()
    }

    pub(crate) fn back_up(&self) -> Result<BackupReport, BackupError> {
        backup(&self.config(), &self.dir(), &BackupOptions::new())
    }

    pub(crate) fn restore(&self) -> Result<RestoreReport, BackupError> {
        restore(&self.config(), &self.dir(), self.copy.name(), &RestoreOptions::new())
    }

    /// Backs up, restores into the copy, and sees that the server finds both alike.
    #[track_caller]
    pub(crate) fn there_and_back(&self) -> (BackupReport, RestoreReport) {
        let taken = self.back_up().unwrap();
        let restored = self.restore().unwrap();
        self.assert_alike();
        (taken, restored)
    }

    /// The server's own checksums and definitions of all tables.
    #[track_caller]
    pub(crate) fn assert_alike(&self) {
        let tables = tables_of(&self.database);
        assert_eq!(tables, tables_of(&self.copy));
        for table in tables {
            let quoted = format!("`{}`", table.replace('`', "``"));
            for sql in
                [format!("SHOW CREATE TABLE {quoted}"), format!("CHECKSUM TABLE {quoted} EXTENDED")]
            {
                let (original, copy) =
                    (self.database.sql(&sql).unwrap(), self.copy.sql(&sql).unwrap());
                let copy = copy.replace(self.copy.name(), self.database.name());
                assert_eq!(plain(&original), plain(&copy), "{sql}");
            }
        }
    }
}

/// A definition without what MySQL adds when a column is created from its own text: its collation's character set.
fn plain(shown: &str) -> String {
    if server().is_mariadb() {
        return shown.to_owned();
    }
    shown.replace(" CHARACTER SET utf8mb4 COLLATE utf8mb4_", " COLLATE utf8mb4_")
}

/// The tables' names.
pub(crate) fn tables_of(database: &TestDatabase) -> Vec<String> {
    // Hex, since a name may hold what the client escapes.
    let listed = database
        .sql(
            "SELECT HEX(TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
        )
        .unwrap();
    let names = listed.lines().map(|line| String::from_utf8(bytes(line)).unwrap());
    // The server's order leaves names open that differ in capitals alone.
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
