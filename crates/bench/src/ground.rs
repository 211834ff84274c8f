//! The ground that all run on: one private server, one database, the same rows for everybody.
//!
//! TCP on loopback, because that is how a service reaches its server, as far as one machine can show
//! it. Nothing is forced to disk at a commit: the disk would be measured otherwise, and be the same
//! for everybody.

use std::time::Duration;

use diesel::{Connection as _, MysqlConnection};
use steadfast_connection::{Config, Connection};
use steadfast_testkit::{Server, TestDatabase};

use crate::arguments::Plan;
use crate::harness::Failure;
use crate::processor::OneProcessor;
use crate::versions;

/// Rows in the table `account`, with the keys 1 to this.
pub(crate) const ROWS: i64 = 100_000;

/// Which processors a benchmark runs on, server included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One, for a single client that waits for each answer.
    OneProcessor,
    /// All, for a crowd.
    AllProcessors,
}

/// The server and its data.
pub(crate) struct Ground {
    // In this order: the database is dropped before its server, and the server before its place.
    database: TestDatabase,
    _server: Server,
    _place: Option<OneProcessor>,
    place: Place,
    plan: Plan,
}

impl Ground {
    /// Starts the server and fills the tables.
    ///
    /// # Blocks
    /// For some seconds.
    pub(crate) fn prepare(place: Place, plan: Plan) -> Result<Self, Failure> {
        let kept = match place {
            Place::OneProcessor => Some(OneProcessor::keep()?),
            Place::AllProcessors => None,
        };
        let flags = [
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=256M",
        ];
        let server = Server::with(&flags)?;
        let database = server.database();
        database.sql(include_str!("ground.sql"))?;
        Ok(Self { database, _server: server, _place: kept, place, plan })
    }

    /// `mysql://root@127.0.0.1:PORT/DATABASE`.
    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    /// How to connect with ours.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Ok(Config::from_url(&self.url())?)
    }

    /// One of our connections.
    pub(crate) fn ours(&self) -> Result<Connection, Failure> {
        Ok(Connection::open(&self.config()?)?)
    }

    /// One of diesel's own connections.
    pub(crate) fn diesel(&self) -> Result<MysqlConnection, Failure> {
        Ok(MysqlConnection::establish(&self.url())?)
    }

    /// How long one side works in one round.
    pub(crate) fn round(&self) -> Duration {
        self.plan.round
    }

    /// Who is measured on what.
    pub(crate) fn description(&self) -> Result<String, Failure> {
        let Plan { rounds, round } = self.plan;
        let place = match self.place {
            Place::OneProcessor => "one processor",
            Place::AllProcessors => "all processors",
        };
        Ok(format!(
            "server {} beside the client on {place}, TCP loopback; peers {}, {}, both over {}; \
             {rounds} rounds of {round:?} a side after a warm-up",
            self.ours()?.server_version(),
            versions::named("diesel"),
            versions::named("r2d2"),
            versions::named("mysqlclient-sys"),
        ))
    }
}
