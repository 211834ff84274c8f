//! Replacing all connections little by little.
//!
//! Where there is no hurry (a changed setting, a moved server whose old address still works), closing
//! everything at once would only make everybody wait for new connections. So what is open now is
//! declared old: each stays until its replacement has come, a tenth at a time, or the time is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::LEAD;
use crate::entry::Entry;
use crate::event::Reason;
use crate::house::House;

/// All that are old have their turn in half of their time.
const TURNS: u32 = 20;

#[derive(Debug, Default)]
pub(crate) struct Stagger(Mutex<Option<Wave>>);

#[derive(Clone, Copy, Debug)]
struct Wave {
    /// The generation that is replaced is the one before.
    generation: u64,
    span: Duration,
    until: Instant,
}

impl House {
    /// Has every connection that is open now replaced within `span`.
    pub(crate) fn invalidate_over(self: &Arc<Self>, span: Duration) {
        let now = Instant::now();
        let mut wave = self.stagger.0.lock();
        // Known before the generation is, so that nobody takes what may stay for what must go.
        let generation = self.era().generation + 1;
        *wave = Some(Wave { generation, span, until: now + span });
        self.generations.begin(Reason::Requested, Duration::ZERO);
        drop(wave);
        self.shelf.forgive();
        self.shelf.each_idle(|entry| self.spare(entry, now));
        log::info!(target: "steadfast::pool", pool = self.name(), span:? = span; "every connection is being replaced");
        self.bin.ring();
    }

    /// Lets a connection that is to be replaced stay until then.
    pub(crate) fn spare(&self, entry: &mut Entry, now: Instant) {
        let generation = self.era().generation;
        if entry.era.generation == generation {
            return;
        }
        let wave = self.stagger.0.lock().filter(|wave| wave.generation == generation);
        if let Some(Wave { until, .. }) = wave
            && entry.era.generation + 1 == generation
        {
            entry.hasten(now, until);
            entry.era.generation = generation;
        }
    }

    /// The time between two replacements.
    pub(crate) fn pace(&self, now: Instant) -> Duration {
        let wave = self.stagger.0.lock().filter(|wave| now < wave.until);
        wave.map_or(LEAD.min(self.config.recycle / 10), |wave| wave.span) / TURNS
    }
}
