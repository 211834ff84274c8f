//! What is said to threads that hold a connection and ask for another.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::{MultipleCheckouts, OnDeadlock};
use crate::entry::Entry;
use crate::error::Error;
use crate::event::{Deadlocked, SecondCheckout};
use crate::house::{Cause, House};
use crate::shelf::Entangled;
use crate::waiter::Waiter;
use crate::who::Who;

/// The places that were warned of.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<BTreeSet<(&'static str, u32, u32)>>);

impl Warned {
    /// True the first time.
    fn first(&self, place: &Location<'static>) -> bool {
        self.0.lock().insert((place.file(), place.line(), place.column()))
    }
}

impl House {
    /// Refuses a thread that holds a connection already, if that is denied.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        if self.config.lending.multiple_checkouts != MultipleCheckouts::Deny {
            return Ok(());
        }
        match self.shelf.held_by(Who::runs().id) {
            Some(holder) => Err(Error::AlreadyHolds { pool: Arc::clone(&self.name), holder }),
            None => Ok(()),
        }
    }

    /// Looks at somebody who has just begun to wait: the error, if it should not.
    pub(crate) fn beware(&self, waiter: &Waiter<Box<Entry>, Cause>) -> Option<Error> {
        let lending = &self.config.lending;
        match self.shelf.entangled(waiter)? {
            Entangled::Circle(holders) => {
                let held = holders.len();
                log::warn!(target: "steadfast::pool", pool = self.name(), held; "every connection is held by a thread that waits for another");
                self.tell(|pool, listener| {
                    listener.deadlocked(&Deadlocked { pool, holders: &holders });
                });
                let pool = Arc::clone(&self.name);
                let fails = lending.on_deadlock == OnDeadlock::Fail;
                fails.then_some(Error::Deadlock { pool, holders })
            }
            Entangled::Holds(holder) => {
                let place = waiter.borrower.place;
                let tells = lending.multiple_checkouts == MultipleCheckouts::Warn;
                if tells && self.warned.first(place) {
                    log::warn!(target: "steadfast::pool", pool = self.name(), place:% = place, holder:% = holder; "a thread that holds a connection waits for another: enough of them wait for ever");
                    let holder = &holder;
                    self.tell(|pool, listener| {
                        listener.second_checkout(&SecondCheckout { pool, place, holder });
                    });
                }
                None
            }
        }
    }
}
