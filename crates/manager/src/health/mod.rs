//! How the database is.
//!
//! One thread asks the server, on a connection of its own outside the pool, and everybody reads what
//! it found: a full pool can be diagnosed, a frozen server hangs nobody, and ten thousand probes cost
//! no query. Pool and sessions are read from memory when somebody asks.

mod assemble;
mod board;
mod probe;
mod report;
mod watch;

pub use report::{
    Checks, ConnectionCheck, Health, LastFailure, MigrationsCheck, PoolCheck, Reason,
    SessionsCheck, SettingsCheck, Status, WritableCheck,
};

pub(crate) use assemble::{Ground, assemble};
pub(crate) use probe::Probe;
pub(crate) use watch::Watch;
