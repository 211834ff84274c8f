//! Servers that break the protocol, by accident or on purpose: whatever they send, a call ends
//! within its limits, with a typed error or an answer that is right, and no file ever leaves.
//!
//! Each attack (`attacks.rs`) is made at each point of each call (`calls.rs`). Where the connection
//! is not broken afterwards, the next query must get its own answer and no left-over of the attack.
//!
//! `STEADFAST_HOSTILE=text cargo test -p steadfast-connection --test hostile -- --nocapture` runs
//! the attacks alone whose name holds the text, and names each as it begins and ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may stop, and says where it is"
)]

mod attacks;
mod calls;
mod files;
mod greetings;
mod rows;
mod scene;
