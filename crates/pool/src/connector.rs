//! Opening connections, away from callers: a caller waits with its own deadline, whatever the server
//! does to the connect.

use std::sync::Arc;
use std::time::Instant;

use steadfast_connection::{Connection, Error as ConnectError, Fault};

use crate::crew::Duty;
use crate::entry::Entry;
use crate::event::{ConnectFailed, Connected};
use crate::house::{Cause, House};
use crate::shelf::Order;

type Wanted<'a> = Order<'a, Box<Entry>, Cause>;

/// The life of a connector.
///
/// # Blocks
/// Until the shelf is closed.
pub(crate) fn run(house: &Arc<House>) {
    while let Some((order, more)) = house.shelf.next_order() {
        if more {
            house.crew.hire(house, Duty::Connect);
        }
        let begun = Instant::now();
        // Read before the attempt: what is lost meanwhile makes this connection suspect, too.
        let era = house.era();
        match Connection::open(&house.server) {
            Ok(connection) => {
                if let Some(member) = house.registry.enrol(connection) {
                    let age = house.config.age(fastrand::f64());
                    let entry = Box::new(Entry::new(member, house.next_id(), era, age));
                    bring(house, order, entry, begun);
                }
            }
            Err(error) => give_up(house, order, error),
        }
    }
}

fn bring(house: &House, order: Wanted<'_>, entry: Box<Entry>, begun: Instant) {
    let (id, took) = (entry.id, begun.elapsed());
    if let Some(timing) = &house.shelf.gauges.timing {
        timing.create.add(took);
    }
    log::debug!(target: "steadfast::pool", pool = house.name(), id, took:? = took, thread_id = entry.connection().thread_id(); "connected");
    house.tell(|pool, listener| listener.connected(&Connected { pool, id, took }));
    if let Some(trouble) = house.shelf.trouble() {
        log::info!(target: "steadfast::pool", pool = house.name(), failures = trouble.failures; "connecting works again");
    }
    let given = order.fulfil(entry, Instant::now());
    house.settle(given);
}

fn give_up(house: &House, order: Wanted<'_>, error: ConnectError) {
    let permanent = error.fault() == Fault::Permanent;
    let error = Arc::new(error);
    let (failures, pause) = order.fail(Arc::clone(&error), permanent, |failures| {
        house.config.pause(failures, fastrand::f64())
    });
    // The first of a row is news, and so is one that nobody but a person can mend.
    let level = match (failures, permanent) {
        (1, true) => log::Level::Error,
        (1, false) => log::Level::Warn,
        _ => log::Level::Debug,
    };
    log::log!(target: "steadfast::pool", level, pool = house.name(), failures, pause:? = pause, error:% = error; "connecting failed");
    let error = &*error;
    house.tell(|pool, listener| {
        listener.connect_failed(&ConnectFailed { pool, error, failures, pause });
    });
}
