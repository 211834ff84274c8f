//! Opening connections, away from callers: a caller waits with its own deadline, whatever the server
//! does to the connect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use steadfast_connection::{Error as ConnectError, Fault};

use crate::crew::Duty;
use crate::entry::Entry;
use crate::event::{BreakerClosed, BreakerOpened, ConnectFailed, Connected, Connecting};
use crate::house::{Cause, House};
use crate::shelf::{Order, Setback};

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
        let creating = house.stats().creating;
        house.tell(|pool, listener| listener.connecting(&Connecting { pool, creating }));
        let begun = Instant::now();
        // Read before the attempt: what is lost meanwhile makes this connection suspect, too.
        let era = house.era();
        match house.open() {
            Ok(connection) => {
                if let Some(member) = house.registry.enrol(connection) {
                    let times = house.config.times(fastrand::f64());
                    let entry = Box::new(Entry::new(member, house.next_id(), era, times));
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
    let (given, over) = order.fulfil(entry, Instant::now());
    house.settle(given);
    if let Some(trouble) = over {
        let (failures, down) = (trouble.failures, trouble.since.elapsed());
        log::info!(target: "steadfast::pool", pool = house.name(), failures, down:? = down; "connecting works again");
        if trouble.open {
            house.tell(|pool, listener| {
                listener.breaker_closed(&BreakerClosed { pool, down, failures });
            });
        }
    }
}

/// By number: 1040 and its like say that there is no room now.
fn setback(error: &ConnectError) -> Setback {
    match error.fault() {
        Fault::Permanent => Setback::Permanent,
        Fault::Busy => Setback::Overload,
        _ => Setback::Transient,
    }
}

fn give_up(house: &House, order: Wanted<'_>, error: ConnectError) {
    let setback = setback(&error);
    let error = Arc::new(error);
    let mut pause = Duration::ZERO;
    let (trouble, was_open) = order.fail(Arc::clone(&error), setback, |failures| {
        pause = house.config.bad_days.pause(setback, failures, fastrand::f64());
        pause
    });
    let failures = trouble.failures;
    // The first of a row is news, and so is one that nobody but a person can mend.
    let level = match (failures, setback) {
        (1, Setback::Permanent) => log::Level::Error,
        (1, _) => log::Level::Warn,
        _ => log::Level::Debug,
    };
    log::log!(target: "steadfast::pool", level, pool = house.name(), failures, pause:? = pause, error:% = error; "connecting failed");
    let error = &*error;
    house.tell(|pool, listener| {
        listener.connect_failed(&ConnectFailed { pool, error, failures, pause });
    });
    let down = trouble.since.elapsed();
    match (was_open, trouble.open) {
        (false, true) => {
            log::warn!(target: "steadfast::pool", pool = house.name(), failures, error:% = error; "the server is unavailable");
            house.tell(|pool, listener| {
                listener.breaker_opened(&BreakerOpened { pool, error, failures });
            });
        }
        (true, false) => house.tell(|pool, listener| {
            listener.breaker_closed(&BreakerClosed { pool, down, failures });
        }),
        _ => {}
    }
}
