//! A table of a gigabyte, on a server of its own.

use std::io::{self, Write};
use std::time::Instant;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, MysqlConnection};
use steadfast_testkit::{Server, TestDatabase};

use crate::harness::Failure;

/// Each of about 1,030 bytes as InnoDB keeps it.
const ROWS: u32 = 1 << 20;

/// An eighth, where results are wanted quickly.
const FEWER_ROWS: u32 = 1 << 17;

/// The table `wide`, with the keys 1 to [`rows`](Self::rows).
pub(crate) struct Large {
    // In this order: the database is dropped before its server.
    database: TestDatabase,
    server: Server,
    rows: u32,
}

impl Large {
    /// Starts the server and fills the table.
    ///
    /// # Blocks
    /// For half a minute, if it is `whole`.
    pub(crate) fn prepare(whole: bool) -> Result<Self, Failure> {
        let rows = if whole { ROWS } else { FEWER_ROWS };
        let megabytes = u64::from(rows) * 1_000 / 1_000_000;
        writeln!(io::stderr(), "filling a table of {rows} rows and {megabytes} MB")?;
        let started = Instant::now();
        // The table is to be read from memory: who reads a disk measures the disk.
        let flags = [
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=2G",
            "--innodb-log-file-size=512M",
            "--skip-innodb-doublewrite",
        ];
        let server = Server::with(&flags)?;
        let database = server.database();
        let mut connection = MysqlConnection::establish(&database.url())?;
        connection.batch_execute(&format!("SET @row_count = {rows}"))?;
        connection.batch_execute(include_str!("wide.sql"))?;
        writeln!(io::stderr(), "filled in {:.0?}", started.elapsed())?;
        Ok(Self { database, server, rows })
    }

    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    pub(crate) fn database(&self) -> &str {
        self.database.name()
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }
}
