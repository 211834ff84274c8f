//! Who runs now: the thread's number and name, looked up once for each thread.
//!
//! A copy costs nothing, where a [`Thread`](std::thread::Thread) is counted in and out. Names are kept
//! for the life of the program, each once, so that the holder of a lost connection has a name even
//! when its thread has ended. No more than [`MOST`] different ones: a program that gives each thread a
//! name of its own must not fill the memory.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::thread::{self, ThreadId};

use parking_lot::Mutex;

/// Different names that are kept; threads beyond have none.
const MOST: usize = 4_096;

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

thread_local! {
    static ME: Cell<Option<Who>> = const { Cell::new(None) };
}

/// A thread, also after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) id: ThreadId,
    pub(crate) name: Option<&'static str>,
}

impl Who {
    /// The thread that runs now.
    pub(crate) fn runs() -> Self {
        ME.with(|me| {
            me.get().unwrap_or_else(|| {
                let who = Self::look_up();
                me.set(Some(who));
                who
            })
        })
    }

    #[cold]
    fn look_up() -> Self {
        let thread = thread::current();
        Self { id: thread.id(), name: thread.name().and_then(kept) }
    }
}

fn kept(name: &str) -> Option<&'static str> {
    let mut names = NAMES.lock();
    if let Some(known) = names.get(name) {
        return Some(known);
    }
    (names.len() < MOST).then(|| {
        let name: &'static str = Box::leak(name.into());
        names.insert(name);
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Who {
        let thread = thread::Builder::new().name(name.to_owned());
        thread.spawn(Who::runs).unwrap().join().unwrap()
    }

    #[test]
    fn a_name_outlives_its_thread_and_is_kept_once() {
        let (first, second) = (named("baker"), named("baker"));
        assert_eq!((first.name, second.name), (Some("baker"), Some("baker")));
        assert!(std::ptr::eq(first.name.unwrap(), second.name.unwrap()));
        assert_ne!(first.id, second.id);
        assert_eq!(Who::runs(), Who::runs());
        assert_eq!(Who::runs().id, thread::current().id());
    }
}
