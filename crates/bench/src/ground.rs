//! The ground that all run on: one private server, one database, the same rows for everybody.
//!
//! TCP on loopback, because that is how a service reaches its server, as far as one machine can show
//! it. Nothing is forced to disk at a commit: the disk would be measured otherwise, and be the same
//! for everybody.

mod large;

use std::cell::OnceCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use steadfast_connection::{Config, Connection};
use steadfast_testkit::{Proxy, Server, TestDatabase};

use crate::arguments::Plan;
use crate::far;
use crate::harness::Failure;
use crate::processor::OneProcessor;
use crate::versions;
pub(crate) use large::Large;

/// Rows in the table `account`, with the keys 1 to this.
pub(crate) const ROWS: i64 = 100_000;

/// Rows in the table `big_account`.
pub(crate) const BIG_ROWS: i64 = 10 * ROWS;

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
    /// Made when the first metric wants it.
    large: OnceCell<Large>,
    // In this order: the database is dropped before its server, and the server before its place.
    database: TestDatabase,
    server: Server,
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
        database.sql(include_str!("ground/account.sql"))?;
        Ok(Self { large: OnceCell::new(), database, server, _place: kept, place, plan })
    }

    /// `mysql://root@127.0.0.1:PORT/DATABASE`.
    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    /// Where the server listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.server.port()))
    }

    /// The name of the database.
    pub(crate) fn database_name(&self) -> &str {
        self.database.name()
    }

    /// A proxy in front of the server, for faults of the network, and the URL through it.
    pub(crate) fn proxy(&self) -> (Proxy, String) {
        let proxy = self.server.proxy();
        let url = self.database.url_through(&proxy);
        (proxy, url)
    }

    /// The same through a network that adds `one_way` to each direction.
    pub(crate) fn url_with_delay(&self, one_way: Duration) -> Result<String, Failure> {
        let far = far::relay(self.addr(), one_way)?;
        Ok(format!("mysql://root@{far}/{}", self.database.name()))
    }

    /// How to connect with ours.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Ok(Config::from_url(&self.url())?)
    }

    /// One of our connections.
    pub(crate) fn ours(&self) -> Result<Connection, Failure> {
        Ok(Connection::open(&self.config()?)?)
    }

    /// Fills the table `big_account`, unless it was done before.
    ///
    /// # Blocks
    /// For some seconds.
    pub(crate) fn fill_big_account(&self) -> Result<(), Failure> {
        self.database.sql(include_str!("ground/big_account.sql"))?;
        Ok(())
    }

    /// The table of a gigabyte.
    ///
    /// # Blocks
    /// The first time, for half a minute.
    pub(crate) fn large(&self) -> Result<&Large, Failure> {
        if let Some(large) = self.large.get() {
            return Ok(large);
        }
        let large = Large::prepare(self.plan.whole)?;
        Ok(self.large.get_or_init(|| large))
    }

    /// How long one side works in one round.
    pub(crate) fn round(&self) -> Duration {
        self.plan.round
    }

    /// What was asked for on the command line.
    pub(crate) fn plan(&self) -> Plan {
        self.plan
    }

    /// Who is measured on what.
    pub(crate) fn description(&self) -> Result<String, Failure> {
        let Plan { rounds, round, .. } = self.plan;
        let place = match self.place {
            Place::OneProcessor => "one processor",
            Place::AllProcessors => "all processors",
        };
        Ok(format!(
            "server {} beside the client on {place}, TCP loopback; peers {}, {}, both over {}, and {}; \
             {rounds} rounds of {round:?} a side after a warm-up",
            self.ours()?.server_version(),
            versions::named("diesel"),
            versions::named("r2d2"),
            versions::named("mysqlclient-sys"),
            versions::named("mysql"),
        ))
    }
}
