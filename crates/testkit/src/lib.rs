//! A private MariaDB or MySQL server for tests, and faults on demand.
//!
//! [`server`] starts one server for the whole test binary at the first call, in about half a
//! second, on a socket and a loopback port of its own; [`Server::database`] gives each test a
//! database. Nothing has to be installed as a service, and nothing is left behind: a small shell
//! process holds the server and ends it when the test process is gone, also after SIGKILL.
//!
//! Faults are made, not mocked: [`Server::kill_connection`], [`Server::pause`], [`Server::kill`] and
//! [`Server::restart`] are those of the server. [`Proxy`] is the network: it loses the n-th request or
//! its answer, delays, refuses, resets and falls silent. [`silent_peer`] accepts and never speaks.
//! [`ScriptedServer`] is a server that answers as a test tells it to, and [`packet`] what it says.
//!
//! ```
//! let database = steadfast_testkit::server().database();
//! database.sql("CREATE TABLE account (id INT PRIMARY KEY, cents BIGINT NOT NULL)").unwrap();
//! database.sql("INSERT INTO account VALUES (1, 500)").unwrap();
//! assert_eq!(database.sql("SELECT cents FROM account").unwrap(), "500");
//! ```
//!
//! # Settings
//! - `STEADFAST_TEST_URL=mysql://user:password@host:port/`: [`server`] is that server instead.
//!   What stops or kills a server then answers [`Error::NotPrivate`].
//! - `STEADFAST_TEST_SERVER=mysql-9`, `mariadb-11.8` or `mariadb-10.11`: the kind of server to start,
//!   as `scripts/servers` unpacked it; the last means whatever is installed, as does no name at all.
//!   It is looked for in `STEADFAST_SERVERS_DIR`, else in `target/servers`.
//! - `STEADFAST_SERVER=/path/to/mariadbd`: the program to start, whatever the kind.
//! - `STEADFAST_KEEP=1`: the data of a failed test outlives the process; it is printed where.
//!
//! Made for Linux; it speaks to the server through the `mariadb` client and knows no other crate of
//! this workspace.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, and this crate is part of tests only"
)]

mod client;
mod database;
mod door;
mod endpoint;
mod error;
mod eventually;
mod folder;
mod peer;
mod port;
mod private;
mod programs;
mod proxy;
mod scripted;
mod series;
mod server;
mod sockets;
mod supervisor;
mod template;
mod version;

pub use database::TestDatabase;
pub use error::Error;
pub use eventually::eventually;
pub use peer::{Peer, scripted_peer, silent_peer};
pub use proxy::{Armed, Command, Direction, Packets, Proxy, Rule};
pub use scripted::{ScriptedServer, Talk, packet};
pub use series::series;
pub use server::{Server, server};
pub use version::{Vendor, Version};
