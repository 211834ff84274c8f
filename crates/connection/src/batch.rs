//! Text commands: several statements in one packet, and rows as the server wrote them.

use std::fmt;
use std::io::Read;

use crate::connection::Connection;
use crate::counts::Counts;
use crate::ffi::{LocalData, TextRows};
use crate::footprint::Footprint;
use crate::interrupter::Fuse;
use crate::load::{READ_AWAY, READ_AWAY_WITHIN};
use crate::{Error, Fault, ServerError, limits};

/// What one statement of a batch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Rows matched or changed.
    pub affected_rows: u64,
    /// The `AUTO_INCREMENT` value of an INSERT, else 0.
    pub last_insert_id: u64,
    /// How many warnings it gave.
    pub warnings: u32,
    /// How many rows it gave, which are read away; `None` if it was no statement for rows.
    pub rows: Option<u64>,
    /// What else the server counted, such as the rows that an UPDATE matched and those it changed.
    pub counts: Option<Counts>,
}

/// A batch that stopped: the statements before took effect.
#[derive(Clone, Debug, thiserror::Error)]
#[error("statement {} of the batch failed: {source}", .done.len() + 1)]
pub struct BatchError {
    done: Vec<Outcome>,
    source: Box<ServerError>,
}

impl BatchError {
    /// Which statement failed; the first is 0.
    pub fn index(&self) -> usize {
        self.done.len()
    }

    /// What the statements before it did, in their order.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.done
    }

    /// What the server said.
    pub fn source_error(&self) -> &ServerError {
        &self.source
    }

    /// What the server said, without the position.
    pub fn into_source_error(self) -> ServerError {
        *self.source
    }

    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        self.source.fault()
    }

    fn in_doubt(self, is_doubtful: bool) -> Self {
        Self { source: Box::new(self.source.in_doubt(is_doubtful)), ..self }
    }
}

impl From<BatchError> for diesel::result::Error {
    fn from(error: BatchError) -> Self {
        error.into_source_error().into()
    }
}

impl Connection {
    /// Runs one or several statements, separated by `;`, in one packet. Their rows are discarded.
    ///
    /// Never put values into `sql`: use prepared statements for those.
    ///
    /// # Blocks
    /// For one round trip and the statements' own time; at most the read timeout between two
    /// answers.
    ///
    /// # Errors
    /// [`BatchError`] tells which statement failed; the server runs none after it.
    pub fn batch(&mut self, sql: &str) -> Result<Vec<Outcome>, BatchError> {
        let refused = |source| BatchError { done: Vec::new(), source: Box::new(source) };
        self.admit(sql).map_err(refused)?;
        let footprint = Footprint::of(sql);
        self.state.expect(footprint);
        let is_doubtful = self.state.is_doubtful(footprint, &self.handle);
        let outcome = self.run_batch(sql);
        outcome.map_err(|failure| failure.in_doubt(is_doubtful))
    }

    /// To be asked before a text is sent.
    fn admit(&mut self, sql: &str) -> Result<(), ServerError> {
        self.state.admit()?;
        // By itself, so that nothing of the text is in doubt if it fails.
        self.handle.make_ready().inspect_err(|error| self.state.failed(error))?;
        limits::check_text(&mut self.handle, sql).inspect_err(|error| self.state.failed(error))
    }

    pub(crate) fn run_batch(&mut self, sql: &str) -> Result<Vec<Outcome>, BatchError> {
        let mut done = Vec::new();
        let sent = self.handle.send_text(sql);
        let mut answer = sent.and_then(|()| self.handle.read_answer());
        loop {
            if answer.as_ref().is_ok_and(|answer| answer.is_followed) {
                self.state.goes_on();
            }
            match self.note(answer) {
                Ok(answer) => {
                    done.push(self.outcome(answer.rows));
                    if !answer.is_followed {
                        return Ok(done);
                    }
                }
                Err(source) => {
                    let source = Box::new(source.at(done.len()));
                    return Err(BatchError { done, source });
                }
            }
            answer = self.handle.read_answer();
        }
    }

    /// What the last answer told.
    fn outcome(&self, rows: Option<u64>) -> Outcome {
        let handle = &self.handle;
        Outcome {
            affected_rows: handle.affected_rows(),
            last_insert_id: handle.insert_id(),
            warnings: handle.warnings(),
            rows,
            counts: handle.counts(),
        }
    }

    /// Reads the rows at hand away and gives their number; `None` if there are none.
    fn count_rows(&mut self) -> Result<Option<u64>, ServerError> {
        let Some(mut rows) = self.handle.rows()? else { return Ok(None) };
        let mut count = 0;
        while rows.fetch()? {
            count += 1;
        }
        Ok(Some(count))
    }

    /// One packet of our own fixed text.
    pub(crate) fn control(&mut self, sql: &str) -> Result<(), Error> {
        self.state.expect(Footprint::default());
        self.run_batch(sql).map(drop).map_err(|failure| failure.into_source_error().into())
    }

    /// Runs one statement and gives its rows as the server wrote them, unbuffered: what a dump
    /// reads.
    ///
    /// # Blocks
    /// For one round trip and the statement's own time, at most the read timeout.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub fn query(&mut self, sql: &str) -> Result<RawRows<'_>, Error> {
        self.admit(sql)?;
        let footprint = Footprint::of(sql);
        self.state.expect(footprint);
        let is_doubtful = self.state.is_doubtful(footprint, &self.handle);
        let outcome = self.handle.query(sql).and_then(|()| {
            let has_rows = self.handle.has_rows();
            // Without rows it is over, with whatever else the text held.
            if !has_rows {
                self.handle.finish()?;
            }
            Ok(has_rows)
        });
        if let Ok(true) = outcome {
            self.state.goes_on();
        }
        let has_rows = self.note(outcome.map_err(|error| error.in_doubt(is_doubtful)))?;
        let Self { handle, state, .. } = self;
        if !has_rows {
            let columns = Vec::new();
            return Ok(RawRows { rows: None, columns, state, is_doubtful, ended: true });
        }
        let rows = handle.rows().inspect_err(|error| state.failed(error))?;
        let columns = rows.as_ref().map(TextRows::names).unwrap_or_default();
        Ok(RawRows { rows, columns, state, is_doubtful, ended: false })
    }

    /// Runs a `LOAD DATA LOCAL INFILE 'any name' …` with what `source` reads as the file's content.
    ///
    /// The server turns bad values into warnings, as if IGNORE stood there: compare
    /// [`Outcome::affected_rows`] with the rows sent, and [`Outcome::warnings`] with 0.
    ///
    /// # Blocks
    /// As long as the server takes; at most the read timeout for its answer, the write timeout for
    /// each packet, and whatever `source` waits for.
    ///
    /// # Errors
    /// [`Error::Misuse`] unless [`Config::local_data`](crate::Config::local_data) is on;
    /// [`Error::Source`] if `source` fails, with what was sent so far in effect unless in a
    /// transaction; [`Error::Server`].
    pub fn load_data(&mut self, sql: &str, source: &mut dyn Read) -> Result<Outcome, Error> {
        if !self.config.local_data {
            return Err(Error::Misuse("load_data: Config::local_data is off"));
        }
        self.admit(sql)?;
        self.state.expect(Footprint::of(sql));
        let is_doubtful = !self.state.is_open(&self.handle);
        let mut data = LocalData::new(source);
        let answer = self.handle.query_with_data(sql, &mut data);
        if let Some(reason) = data.failure() {
            // The library told the server that the file ended there: half a file is loaded.
            if let Err(error) = answer.and_then(|()| self.handle.finish()) {
                log::debug!(target: "steadfast::connection", error:% = error; "answer to a broken load");
            }
            self.state.failed(&ServerError::broken_load(self.vendor(), &reason));
            return Err(Error::Source(reason));
        }
        let outcome = answer.and_then(|()| {
            let rows = self.count_rows()?;
            let outcome = self.outcome(rows);
            self.handle.finish()?;
            Ok(outcome)
        });
        Ok(self.note(outcome.map_err(|error| error.in_doubt(is_doubtful)))?)
    }
}

/// Rows as the server wrote them, in text form, read one by one.
///
/// The connection is busy until the last row. Dropped earlier, up to 1,000 further rows are read
/// away, for at most 100 ms; if that was not all, the connection is cut and
/// [broken](Connection::is_broken).
pub struct RawRows<'conn> {
    rows: Option<TextRows<'conn>>,
    columns: Vec<String>,
    state: &'conn mut crate::transaction::TransactionState,
    /// The statement may have changed something by itself, outside a transaction.
    is_doubtful: bool,
    ended: bool,
}

impl RawRows<'_> {
    /// The names of the columns; none if the statement gives no rows.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next row, or `None` after the last. It is valid until the next call.
    ///
    /// # Blocks
    /// At most the read timeout.
    ///
    /// # Errors
    /// [`Error::Server`] if the statement fails on the way or the connection breaks.
    #[expect(clippy::should_implement_trait, reason = "an Iterator cannot lend its own buffer")]
    pub fn next(&mut self) -> Result<Option<RawRow<'_>>, Error> {
        let Some(rows) = self.rows.as_mut().filter(|_| !self.ended) else { return Ok(None) };
        let outcome = match rows.fetch() {
            Ok(true) => return Ok(rows.row().map(|row| RawRow { row })),
            Ok(false) => rows.finish(),
            Err(error) => Err(error),
        };
        let outcome = outcome.map_err(|error| error.in_doubt(self.is_doubtful));
        self.ended = true;
        match &outcome {
            Ok(()) => self.state.succeeded(rows.handle()),
            Err(error) => self.state.failed(error),
        }
        Ok(outcome.map(|()| None)?)
    }

    fn read_away(&mut self) {
        let Some(rows) = self.rows.as_mut() else { return };
        let mut fuse = Fuse::light(rows.handle().socket(), READ_AWAY_WITHIN);
        let mut outcome = None;
        for _ in 0..READ_AWAY {
            match rows.fetch() {
                Ok(true) => {}
                Ok(false) => outcome = Some(rows.finish()),
                Err(error) => outcome = Some(Err(error)),
            }
            if outcome.is_some() {
                break;
            }
        }
        match outcome {
            Some(outcome) if !fuse.has_burnt() => match &outcome {
                Ok(()) => self.state.succeeded(rows.handle()),
                Err(error) => self.state.failed(error),
            },
            _ => {
                self.state.cut();
                fuse.shut_down();
            }
        }
    }
}

impl Drop for RawRows<'_> {
    fn drop(&mut self) {
        if !self.ended && self.rows.is_some() {
            self.read_away();
        }
    }
}

impl fmt::Debug for RawRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRows").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// One row in text form, borrowed from the client library's buffer.
pub struct RawRow<'rows> {
    row: crate::ffi::TextRow<'rows>,
}

impl<'rows> RawRow<'rows> {
    /// The number of columns.
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// True if there is no column.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a column as the server wrote them, or `None` for NULL (and beyond the last
    /// column).
    pub fn get(&self, column: usize) -> Option<&'rows [u8]> {
        self.row.get(column)
    }
}

impl fmt::Debug for RawRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRow").field("columns", &self.len()).finish_non_exhaustive()
    }
}
