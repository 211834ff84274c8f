//! Several pools in one program, by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use steadfast_connection::Invalid;

use crate::error::Error;
use crate::pool::{Drained, Pool};
use crate::stats::Stats;

/// The pools of a program, by their [names](Pool::name): one for each database, tenant or purpose.
///
/// ```no_run
/// use steadfast_pool::{PoolConfig, Pools};
///
/// static POOLS: Pools = Pools::new();
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = steadfast_connection::Config::from_url("mysql://app:secret@db.example/shop")?;
/// POOLS.add(PoolConfig::new().name("shop").build(server)?)?;
///
/// let shop = POOLS.get("shop").ok_or("no such pool")?;
/// # let _ = shop.get()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Pools {
    pools: RwLock<BTreeMap<String, Pool>>,
}

impl Pools {
    /// None yet.
    pub const fn new() -> Self {
        Self { pools: RwLock::new(BTreeMap::new()) }
    }

    /// Adds a pool.
    ///
    /// # Errors
    /// [`Error::Config`] if there is one of that name.
    pub fn add(&self, pool: Pool) -> Result<(), Error> {
        match self.pools.write().entry(pool.name().to_owned()) {
            Entry::Vacant(place) => {
                place.insert(pool);
                Ok(())
            }
            Entry::Occupied(_) => {
                let allowed =
                    "a name that no other pool has: remove that one before, or rename this";
                Err(Error::Config(vec![Invalid::new("pool.name", pool.name(), allowed)]))
            }
        }
    }

    /// The pool of that name.
    pub fn get(&self, name: &str) -> Option<Pool> {
        self.pools.read().get(name).cloned()
    }

    /// Takes a pool out; it is closed when its last handle is dropped.
    pub fn remove(&self, name: &str) -> Option<Pool> {
        self.pools.write().remove(name)
    }

    /// All pools, in the order of their names.
    pub fn all(&self) -> Vec<Pool> {
        self.pools.read().values().cloned().collect()
    }

    /// The numbers of all pools, in the order of their names.
    pub fn stats(&self) -> Vec<(String, Stats)> {
        self.pools.read().iter().map(|(name, pool)| (name.clone(), pool.stats())).collect()
    }

    /// [Drains](Pool::drain) all pools at the same time.
    ///
    /// # Blocks
    /// Until the last connection of the last pool is back, at most `limit`.
    pub fn drain(&self, limit: Duration) -> Vec<(String, Drained)> {
        self.end(limit, Pool::drain)
    }

    /// [Closes](Pool::close) all pools at the same time. They stay here, closed.
    ///
    /// # Blocks
    /// As [`Pool::close`].
    pub fn close(&self, limit: Duration) -> Vec<(String, Drained)> {
        self.end(limit, Pool::close)
    }

    fn end(&self, limit: Duration, end: fn(&Pool, Duration) -> Drained) -> Vec<(String, Drained)> {
        let (pools, begun) = (self.all(), Instant::now());
        // From here on none of them lends, so none waits for what another has still lent.
        for pool in &pools {
            drop(pool.drain(Duration::ZERO));
        }
        let left = || limit.saturating_sub(begun.elapsed());
        pools.iter().map(|pool| (pool.name().to_owned(), end(pool, left()))).collect()
    }
}
