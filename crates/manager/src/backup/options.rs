//! Settings of a backup and of a restore.

use std::time::Duration;

use steadfast_connection::Invalid;

use super::BackupError;

const DAY: Duration = Duration::from_secs(24 * 3600);
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Settings of [`backup`](super::backup).
///
/// ```
/// use steadfast_manager::BackupOptions;
///
/// let options = BackupOptions::default().non_transactional(true);
/// assert_eq!(options, BackupOptions::new().chunk_bytes(32 << 20).non_transactional(true));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupOptions {
    pub(super) chunk_bytes: u64,
    pub(super) non_transactional: bool,
    pub(super) answer_timeout: Duration,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            chunk_bytes: 32 * MIB,
            non_transactional: false,
            answer_timeout: Duration::from_secs(3600),
        }
    }
}

impl BackupOptions {
    /// The documented defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many raw bytes go into one file, 1 KiB to 1 GiB; a file ends with the row that reaches it. Default 32 MiB.
    ///
    /// A file is loaded in one transaction, and loaded again if that fails.
    #[must_use]
    pub fn chunk_bytes(mut self, bytes: u64) -> Self {
        self.chunk_bytes = bytes;
        self
    }

    /// Whether tables whose engine knows no transactions are copied as they are at the moment they are read. The
    /// manifest names them. Default false: they are refused.
    #[must_use]
    pub fn non_transactional(mut self, allowed: bool) -> Self {
        self.non_transactional = allowed;
        self
    }

    /// How long the server may be silent, 1 s to 24 h in whole seconds. Default 1 h.
    #[must_use]
    pub fn answer_timeout(mut self, limit: Duration) -> Self {
        self.answer_timeout = limit;
        self
    }

    pub(super) fn check(&self) -> Result<(), BackupError> {
        let mut invalid = Vec::new();
        if !(KIB..=1024 * MIB).contains(&self.chunk_bytes) {
            invalid.push(Invalid::new("chunk_bytes", self.chunk_bytes, "1 KiB to 1 GiB"));
        }
        check_timeout(self.answer_timeout, &mut invalid);
        if invalid.is_empty() { Ok(()) } else { Err(BackupError::Config(invalid)) }
    }
}

/// Settings of [`restore`](super::restore).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreOptions {
    pub(super) definers: Definers,
    pub(super) compare: bool,
    pub(super) answer_timeout: Duration,
}

/// Whom restored views, routines, triggers and events belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Definers {
    /// To the same accounts as before. All of them must exist.
    #[default]
    Keep,
    /// To the account that restores.
    Current,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self { definers: Definers::Keep, compare: true, answer_timeout: Duration::from_secs(3600) }
    }
}

impl RestoreOptions {
    /// The documented defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whom restored views, routines, triggers and events belong to. Default [`Definers::Keep`].
    #[must_use]
    pub fn definers(mut self, definers: Definers) -> Self {
        self.definers = definers;
        self
    }

    /// Whether all rows are read back and compared with the manifest. Default true; it costs about half a second a
    /// million rows.
    #[must_use]
    pub fn compare(mut self, wanted: bool) -> Self {
        self.compare = wanted;
        self
    }

    /// How long the server may be silent, 1 s to 24 h in whole seconds. Default 1 h.
    #[must_use]
    pub fn answer_timeout(mut self, limit: Duration) -> Self {
        self.answer_timeout = limit;
        self
    }

    pub(super) fn check(&self) -> Result<(), BackupError> {
        let mut invalid = Vec::new();
        check_timeout(self.answer_timeout, &mut invalid);
        if invalid.is_empty() { Ok(()) } else { Err(BackupError::Config(invalid)) }
    }
}

fn check_timeout(limit: Duration, invalid: &mut Vec<Invalid>) {
    let whole = limit.subsec_nanos() == 0;
    if !whole || limit.is_zero() || limit > DAY {
        invalid.push(Invalid::new("answer_timeout", limit, "1 s to 24 h in whole seconds"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_out_of_range_is_told_at_once() {
        let wrong = BackupOptions::new().chunk_bytes(0).answer_timeout(Duration::from_millis(1));
        match wrong.check() {
            Err(BackupError::Config(invalid)) => {
                let settings: Vec<_> = invalid.iter().map(Invalid::setting).collect();
                assert_eq!(settings, ["chunk_bytes", "answer_timeout"]);
            }
            other => panic!("{other:?}"),
        }
        assert!(BackupOptions::new().check().is_ok() && RestoreOptions::new().check().is_ok());
    }
}
