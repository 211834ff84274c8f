//! Where this program runs, for the records it leaves.

use std::sync::OnceLock;
use std::{env, fs};

/// The machine's name, at most 255 characters; `unknown` if the system does not tell.
pub(crate) fn machine() -> &'static str {
    static MACHINE: OnceLock<String> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let told = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let name = told.or_else(|| env::var("HOSTNAME").ok()).unwrap_or_default();
        let name: String = name.trim().chars().take(255).collect();
        if name.is_empty() { "unknown".to_owned() } else { name }
    })
}
