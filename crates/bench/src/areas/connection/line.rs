//! How each contestant connects, always over TCP.

use diesel::{Connection as _, MysqlConnection};
use mysql::{Conn, Opts, OptsBuilder};
use steadfast_connection::{Config, Connection};

use crate::harness::Failure;

pub(super) fn ours(url: &str) -> Result<Connection, Failure> {
    Ok(Connection::open(&Config::from_url(url)?)?)
}

pub(super) fn diesel(url: &str) -> Result<MysqlConnection, Failure> {
    Ok(MysqlConnection::establish(url)?)
}

/// With the crate's defaults, but for one: on the loopback it would change over to the unix socket.
pub(super) fn mysql(url: &str) -> Result<Conn, Failure> {
    let opts = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false);
    Ok(Conn::new(opts)?)
}
