//! The pools, each of a given size, and how a thread borrows from them.

use std::time::Duration;

use diesel::MysqlConnection;
use diesel::r2d2::ConnectionManager;
use mysql::{Opts, OptsBuilder, PoolConstraints, PoolOpts};
use steadfast_connection::Config;
use steadfast_pool::{Lease, Pool, PoolConfig};
use tokio::runtime::{Builder, Runtime};

use super::fake::Fake;
use crate::harness::Failure;

const TIMEOUT: Duration = Duration::from_secs(30);
const LIFETIME: Duration = Duration::from_secs(3600);

pub(super) type R2d2<M> = r2d2::Pool<M>;
pub(super) type Diesel = ConnectionManager<MysqlConnection>;
pub(super) type Deadpool = deadpool::managed::Pool<Fake>;
pub(super) type Bb8 = bb8::Pool<Fake>;

/// Whether a peer asks the server at each checkout whether a connection is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Never,
    Always,
}

/// A pool, as a thread that wants a connection sees it.
pub(super) trait Lend: Send + Sync + 'static {
    type Lease;

    fn lend(&self) -> Result<Self::Lease, Failure>;
}

/// Ours, as its documentation says; without overflow, since no peer has that.
pub(super) fn settings(size: u32) -> PoolConfig {
    PoolConfig::new().size(size).overflow(0).timeout(TIMEOUT).recycle(LIFETIME)
}

pub(super) fn ours(url: &str, size: u32) -> Result<Pool, Failure> {
    Ok(settings(size).build(Config::from_url(url)?)?)
}

/// r2d2's settings that are the same whatever it manages: no idle connection is opened in advance.
pub(super) fn r2d2_settings<M: r2d2::ManageConnection>(size: u32, ask: Ask) -> r2d2::Builder<M> {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .connection_timeout(TIMEOUT)
        .max_lifetime(Some(LIFETIME))
        .idle_timeout(None)
        .test_on_check_out(ask == Ask::Always)
}

pub(super) fn r2d2(url: &str, size: u32, ask: Ask) -> Result<R2d2<Diesel>, Failure> {
    Ok(r2d2_settings(size, ask).build(ConnectionManager::new(url))?)
}

pub(super) fn r2d2_of_nothing(size: u32) -> Result<R2d2<Fake>, Failure> {
    Ok(r2d2_settings(size, Ask::Never).build(Fake::default())?)
}

/// The `mysql` crate's own pool; by default it asks at each checkout and resets at each return.
pub(super) fn mysql(url: &str, size: u32, ask: Ask) -> Result<mysql::Pool, Failure> {
    let size = size as usize;
    let constraints = PoolConstraints::new(0, size).ok_or("a pool of no connection")?;
    let asks = ask == Ask::Always;
    let pool = PoolOpts::new()
        .with_constraints(constraints)
        .with_check_health(asks)
        .with_reset_connection(asks);
    // On the loopback it would change over to the unix socket.
    let opts = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false).pool_opts(pool);
    Ok(mysql::Pool::new(opts)?)
}

pub(super) fn deadpool(size: u32, fake: Fake) -> Result<Deadpool, Failure> {
    Ok(deadpool::managed::Pool::builder(fake).max_size(size as usize).build()?)
}

pub(super) fn bb8_settings(size: u32) -> bb8::Builder<Fake> {
    bb8::Pool::builder()
        .max_size(size)
        .min_idle(0)
        .connection_timeout(TIMEOUT)
        .max_lifetime(LIFETIME)
        .idle_timeout(None)
        .test_on_check_out(false)
}

/// An executor for the pools that are made for one; it ends with its last contestant.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_time().build()?)
}

/// A pool for asynchronous code, borrowed from by threads: each waits for its own future.
#[derive(Debug)]
pub(super) struct Blocking<P> {
    pub(super) pool: P,
    runtime: Runtime,
}

impl<P> Blocking<P> {
    pub(super) fn new(build: impl AsyncFnOnce() -> Result<P, Failure>) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let pool = runtime.block_on(build())?;
        Ok(Self { pool, runtime })
    }

    /// Does `work` with the pool, inside the executor.
    pub(super) fn run<T>(&self, work: impl AsyncFnOnce(&P) -> T) -> T {
        self.runtime.block_on(work(&self.pool))
    }
}

pub(super) fn blocking_deadpool(size: u32, fake: Fake) -> Result<Blocking<Deadpool>, Failure> {
    Blocking::new(async || deadpool(size, fake))
}

pub(super) fn blocking_bb8(size: u32, fake: Fake) -> Result<Blocking<Bb8>, Failure> {
    Blocking::new(async || Ok(bb8_settings(size).build(fake).await?))
}

impl Lend for Pool {
    type Lease = Lease;

    fn lend(&self) -> Result<Lease, Failure> {
        Ok(self.get()?)
    }
}

impl<M: r2d2::ManageConnection> Lend for R2d2<M> {
    type Lease = r2d2::PooledConnection<M>;

    fn lend(&self) -> Result<Self::Lease, Failure> {
        Ok(self.get()?)
    }
}

impl Lend for mysql::Pool {
    type Lease = mysql::PooledConn;

    fn lend(&self) -> Result<Self::Lease, Failure> {
        Ok(self.get_conn()?)
    }
}

impl Lend for Blocking<Deadpool> {
    type Lease = deadpool::managed::Object<Fake>;

    fn lend(&self) -> Result<Self::Lease, Failure> {
        Ok(self.runtime.block_on(self.pool.get())?)
    }
}

impl Lend for Blocking<Bb8> {
    type Lease = bb8::PooledConnection<'static, Fake>;

    fn lend(&self) -> Result<Self::Lease, Failure> {
        Ok(self.runtime.block_on(self.pool.get_owned())?)
    }
}
