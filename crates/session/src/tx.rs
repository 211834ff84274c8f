//! The transaction as its work sees it.

use std::any::Any;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::TransactionManager;
use steadfast_connection::{Connection, Transactions, connection_by_deref};

use crate::{Attempt, Error, Raw};

/// An open transaction: a connection for diesel, with what belongs to transactions.
///
/// It is committed when the work returns `Ok`, and rolled back when it returns `Err` or panics. A
/// transaction that the server has undone takes no further statement and is never committed, whatever
/// the work returns.
pub struct Tx<'a> {
    conn: &'a mut Connection,
    hooks: &'a mut Hooks,
    attempt: Option<Attempt>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(
        conn: &'a mut Connection,
        hooks: &'a mut Hooks,
        attempt: Option<Attempt>,
    ) -> Self {
        Self { conn, hooks, attempt }
    }

    /// Runs a part of the work that can be undone by itself: if it returns `Err`, what it did is rolled
    /// back, its [`after_commit`](Self::after_commit) calls are forgotten, and the transaction goes on.
    ///
    /// # Blocks
    /// For two round trips, and as long as the work takes.
    ///
    /// # Errors
    /// What the work returns. If the server has undone the whole transaction, there is nothing to go back
    /// to: then every further statement fails, and the transaction is run again from its beginning.
    pub fn savepoint<T, E>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let wrap = |error| E::from(Error::from(error));
        Transactions::begin_transaction(self).map_err(wrap)?;
        let kept = self.hooks.0.len();
        match work(self) {
            Ok(value) => Transactions::commit_transaction(self).map_err(wrap).map(|()| value),
            Err(error) => {
                self.hooks.0.truncate(kept);
                if let Err(failure) = Transactions::rollback_transaction(self) {
                    // The connection knows, and the transaction cannot commit; the work's error says more.
                    log::debug!(target: "steadfast::session", error:% = failure; "savepoint not rolled back");
                }
                Err(error)
            }
        }
    }

    /// The same as [`savepoint`](Self::savepoint), under diesel's name for it.
    ///
    /// # Errors
    /// Those of [`savepoint`](Self::savepoint).
    pub fn transaction<T, E>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.savepoint(work)
    }

    /// Has `call` called once this transaction is known to be committed, also if that had to be found out.
    /// The calls are made in order, after the connection has gone back; one that panics is logged and the
    /// next is made.
    pub fn after_commit(&mut self, call: impl FnOnce() + Send + 'static) {
        self.hooks.0.push(Box::new(call));
    }

    /// The id under which this attempt's commit is recorded; `None` if it is not: when it is read-only, or
    /// exactly-once is off.
    pub fn attempt(&self) -> Option<Attempt> {
        self.attempt
    }

    /// Statements as text, with bound parameters.
    pub fn raw(&mut self) -> Raw<'_> {
        Raw::new(self)
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.conn
    }
}

connection_by_deref!(Tx<'_>);

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx")
            .field("conn", &self.conn)
            .field("attempt", &self.attempt)
            .field("hooks", &self.hooks.0.len())
            .finish()
    }
}

/// What is to be done once the transaction is committed.
#[derive(Default)]
pub(crate) struct Hooks(Vec<Box<dyn FnOnce() + Send>>);

impl Hooks {
    pub(crate) fn run(self) {
        for call in self.0 {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
                let message = message_of(&*panic);
                log::error!(target: "steadfast::session", message; "a call after commit panicked");
            }
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
