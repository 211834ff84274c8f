//! The protocol of prepared statements, spoken by ourselves.
//!
//! The client library connects, authenticates, encrypts, and sends text; what a service does all
//! day, executing prepared statements and reading their rows, is spoken here, in safe code: every
//! length the server names is checked before it is believed, rows are decoded where they arrived,
//! and a point query costs two system calls.
//!
//! | file | owns |
//! |---|---|
//! | `channel.rs` | packets to and from the server |
//! | `presence.rs` | whether the server is still there |
//! | `parse.rs` | numbers and texts inside a packet |
//! | `answer.rs` | the packets OK, ERR and EOF |
//! | `columns.rs` | the description of a result's columns |
//! | `parameters.rs` | the values of placeholders |
//! | `statement.rs` | preparing, executing, fetching, closing |
//! | `text.rs` | texts of several statements, whose rows nobody wants |
//! | `row.rs` | rows as they came, and where each value lies in them |
//! | `value.rs` | a value as diesel wants it |
//! | `fuzzing.rs` | the way in for fuzzers |
//! | `time.rs` | dates and times, from the packet and in diesel's form |
//!
//! The packets are described in the MariaDB Knowledge Base, "Client/Server Protocol", and in the
//! "MySQL Internals Manual", "Client/Server Protocol".

mod answer;
mod channel;
mod columns;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod parameters;
mod parse;
mod presence;
mod row;
mod statement;
mod text;
mod time;
mod value;

pub(crate) use answer::{
    Dialect, LAST_GTID, STATUS_SESSION_CHANGED, Summary, TRACK_GTIDS, TRACK_STATE, put_change,
};
pub(crate) use channel::Channel;
pub(crate) use parameters::Parameters;
pub(crate) use parse::{Bytes, Malformed};
pub(crate) use row::RowSet;
pub(crate) use statement::{Fetch, Statement};
pub(crate) use value::OutOfRange;
