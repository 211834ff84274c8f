//! Any bytes as descriptions of columns and rows in binary form: refused or read, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| steadfast_connection::fuzzing::rows(data));
