//! Backup and restore on a real server. Its own client tells what a database holds; none of our code is asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may stop at the first surprise"
)]

mod bounds;
mod consistency;
mod damage;
mod disk;
mod ground;
mod killed;
mod names;
mod objects;
mod renamed;
mod types;
