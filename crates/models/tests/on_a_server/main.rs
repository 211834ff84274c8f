//! Every story of this crate, on a real server; one binary, so that the server is started once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod account;
mod keys;
mod own_tables;
mod pages;
mod rows;
mod soft_delete;
mod timestamps;
mod versioned;
