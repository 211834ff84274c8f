//! Answers for probes and scrapers, without a web framework: whatever serves HTTP sends them.
//!
//! Nothing here asks the database: all of it is read from what the health thread found last, so ten
//! thousand probes cost no query and a frozen server hangs no endpoint.

mod answer;
mod metrics;

pub use answer::Answer;

pub(crate) use answer::answer;
