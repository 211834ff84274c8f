//! What is known of the transaction under way, and diesel's transaction manager on top of it.
//!
//! Three things differ from diesel's own manager. A transaction that the server has undone takes no
//! further statement and no COMMIT: diesel would let a swallowed deadlock commit the second half.
//! The first failure is kept and given back, where diesel hides a deadlock behind "SAVEPOINT does
//! not exist". And a COMMIT whose answer is lost is told apart from one that failed
//! ([`Fault::Uncertain`](crate::Fault::Uncertain)).

use std::sync::Arc;

use diesel::connection::{
    InstrumentationEvent, StrQueryHelper, TransactionDepthChange, TransactionManager,
    TransactionManagerStatus,
};
use diesel::result::Error as DieselError;
use diesel::{Connection as _, QueryResult};

use crate::cancel::{self, Attached};
use crate::connection::Connection;
use crate::fault::{Loss, Vendor, aborts_for_certain};
use crate::ffi::Handle;
use crate::footprint::Footprint;
use crate::{Error, ServerError};

/// How far the transaction under way has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// No transaction.
    #[default]
    Idle,
    /// Between BEGIN and COMMIT.
    Open,
    /// COMMIT was sent, and no answer has come that tells its outcome.
    CommitSent,
}

/// The state behind diesel's transaction manager; opaque.
#[derive(Debug)]
pub struct TransactionState {
    status: TransactionManagerStatus,
    vendor: Vendor,
    phase: Phase,
    /// Why the server undid the transaction (or ended it), while diesel still believes in it.
    undone: Option<ServerError>,
    first_error: Option<ServerError>,
    last_error: Option<ServerError>,
    broken: bool,
    /// The last statement failed, and with it perhaps a transaction that only the server counted.
    may_have_ended: bool,
    /// What statements have left behind, and how the one under way treats transactions.
    footprint: Footprint,
    /// Where cancel handles learn what is running; `None` as long as there are none.
    attached: Option<Attached>,
    /// The next success is not the statement's end: more of its answer is to come.
    goes_on: bool,
}

impl TransactionState {
    pub(crate) fn new(vendor: Vendor) -> Self {
        Self {
            status: TransactionManagerStatus::default(),
            vendor,
            phase: Phase::Idle,
            undone: None,
            first_error: None,
            last_error: None,
            broken: false,
            may_have_ended: false,
            footprint: Footprint::default(),
            attached: None,
            goes_on: false,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// True in a transaction opened by diesel's `begin_test_transaction`, which pools must leave
    /// open.
    pub(crate) fn is_test(&self) -> bool {
        matches!(&self.status, TransactionManagerStatus::Valid(valid)
            if valid.in_transaction.as_ref().is_some_and(|open| open.test_transaction))
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// The connection was shut down on purpose, because a result was not read to its end.
    pub(crate) fn cut(&mut self) {
        self.failed(&ServerError::cut(self.vendor));
    }

    pub(crate) fn is_touched(&self) -> bool {
        self.footprint.touches
    }

    /// True if the session holds what `COM_RESET_CONNECTION` leaves as it is.
    pub(crate) fn is_beyond_reset(&self) -> bool {
        self.footprint.sets_role
    }

    /// True if a transaction is open, by our own count or by what the server said last.
    pub(crate) fn is_open(&self, handle: &Handle) -> bool {
        self.phase != Phase::Idle || handle.in_transaction()
    }

    /// True for what may change something that no transaction of ours would undo.
    pub(crate) fn is_doubtful(&self, footprint: Footprint, handle: &Handle) -> bool {
        let is_outside = !self.is_open(handle) || self.may_have_ended || footprint.commits;
        !footprint.reads && is_outside
    }

    /// The outcome of the COMMIT just sent is not known: so must every later look at it say.
    fn doubt(&mut self) {
        for error in [&mut self.undone, &mut self.first_error, &mut self.last_error] {
            *error = error.take().map(|error| error.uncertain());
        }
    }

    /// To be told of each statement before it is sent.
    pub(crate) fn expect(&mut self, footprint: Footprint) {
        self.footprint.touches |= footprint.touches;
        self.footprint.sets_role |= footprint.sets_role;
        self.footprint.controls_transaction = footprint.controls_transaction;
        self.footprint.commits = footprint.commits;
        self.begins();
    }

    /// A statement is about to be sent, or prepared.
    pub(crate) fn begins(&self) {
        if let Some(attached) = &self.attached {
            attached.begins();
        }
    }

    /// To be told before the success of what is not all of the answer: rows on their way, one
    /// statement of several.
    pub(crate) fn goes_on(&mut self) {
        self.goes_on = true;
    }

    /// The statement is over, or was not sent after all. Waits for a `KILL` that is under way.
    pub(crate) fn ends(&mut self) {
        self.goes_on = false;
        if let Some(attached) = &self.attached {
            attached.ends();
        }
    }

    /// What the cancel handles share, if there are any.
    pub(crate) fn shared(&self) -> Option<Arc<cancel::Shared>> {
        self.attached.as_ref().map(Attached::shared)
    }

    /// From now on cancel handles are told what is running, until the session is reset.
    pub(crate) fn attach(&mut self, attached: Attached) {
        self.footprint.touches = true;
        self.attached = Some(attached);
    }

    pub(crate) fn first_error(&self) -> Option<&ServerError> {
        self.first_error.as_ref()
    }

    pub(crate) fn last_error(&self) -> Option<&ServerError> {
        self.last_error.as_ref()
    }

    pub(crate) fn undone(&self) -> Option<&ServerError> {
        self.undone.as_ref()
    }

    /// Forgets everything but a broken connection, after `COM_RESET_CONNECTION`.
    pub(crate) fn forget(&mut self) {
        *self = Self { broken: self.broken, ..Self::new(self.vendor) };
    }

    /// What was done to the session so far is part of what it is from now on. A role stays what no
    /// command undoes.
    pub(crate) fn accept(&mut self) {
        self.footprint.touches = false;
    }

    /// To be asked before each statement: refuses one in a transaction that the server has undone,
    /// on a broken connection, and after a COMMIT whose outcome is not known.
    pub(crate) fn admit(&self) -> Result<(), ServerError> {
        match &self.undone {
            Some(cause) => Err(cause.clone()),
            None if self.broken || self.phase == Phase::CommitSent => {
                Err(ServerError::broken(self.vendor))
            }
            None => Ok(()),
        }
    }

    /// True if a statement such as DDL has ended the transaction that diesel still believes in.
    pub(crate) fn is_ended_by_statement(&self) -> bool {
        let is_usable = !self.broken && self.phase == Phase::Open;
        is_usable && self.undone == Some(ServerError::ended_by_statement(self.vendor))
    }

    /// The transaction that a statement had ended was begun again.
    pub(crate) fn begun_again(&mut self) {
        self.undone = None;
    }

    /// To be told of each success: the answer's status says what else happened.
    pub(crate) fn succeeded(&mut self, handle: &Handle) {
        self.footprint.touches |= handle.session_changed();
        self.may_have_ended = false;
        let ended = !handle.in_transaction() || self.footprint.controls_transaction;
        if self.phase == Phase::Open && ended && self.undone.is_none() {
            self.undone = Some(ServerError::ended_by_statement(self.vendor));
        }
        if !std::mem::take(&mut self.goes_on) {
            self.ends();
        }
    }

    /// To be told of each failure.
    pub(crate) fn failed(&mut self, error: &ServerError) {
        self.ends();
        let loss = error.loss();
        self.broken |= loss == Loss::Connection;
        self.may_have_ended |= loss != Loss::Statement || self.footprint.commits;
        if self.phase != Phase::Idle {
            self.first_error.get_or_insert_with(|| error.clone());
            // What was open was committed before the statement failed, whatever it failed of.
            if self.phase == Phase::Open && self.footprint.commits {
                self.undone.get_or_insert_with(|| ServerError::ended_by_statement(self.vendor));
            }
            if loss != Loss::Statement {
                self.undone.get_or_insert_with(|| error.clone());
            }
        }
        self.last_error = Some(error.clone());
    }

    /// The number of open levels: 1 in a transaction, more in savepoints.
    fn depth(&self) -> QueryResult<u32> {
        Ok(self.status.transaction_depth()?.map_or(0, std::num::NonZeroU32::get))
    }

    fn enter(&mut self) -> QueryResult<()> {
        self.change(TransactionDepthChange::IncreaseDepth)
    }

    fn leave(&mut self) -> QueryResult<()> {
        self.change(TransactionDepthChange::DecreaseDepth)
    }

    fn change(&mut self, change: TransactionDepthChange) -> QueryResult<()> {
        match &mut self.status {
            TransactionManagerStatus::Valid(valid) => valid.change_transaction_depth(change),
            TransactionManagerStatus::InError => Err(DieselError::BrokenTransactionManager),
        }
    }

    fn ended(&mut self) {
        self.phase = Phase::Idle;
        self.undone = None;
    }
}

impl Connection {
    /// Opens a transaction with `sql` in one packet, such as `SET TRANSACTION ISOLATION LEVEL
    /// SERIALIZABLE; START TRANSACTION READ ONLY`.
    ///
    /// # Blocks
    /// For one round trip, at most the read timeout.
    ///
    /// # Errors
    /// [`Error::Misuse`] if one is open already or the text opens none; [`Error::Server`].
    pub fn begin(&mut self, sql: &str) -> Result<(), Error> {
        if self.state.is_broken() || self.state.phase == Phase::CommitSent {
            return Err(ServerError::broken(self.vendor()).into());
        }
        match self.state.depth() {
            Ok(0) => {}
            Ok(_) => return Err(Error::Misuse("begin: a transaction is open already")),
            Err(_) => return Err(Error::Misuse("begin: the connection's transactions are broken")),
        }
        self.state.ended();
        self.state.first_error = None;
        self.told(sql, |conn| conn.control(sql))?;
        if !self.handle.in_transaction() {
            return Err(Error::Misuse("begin: the text opened no transaction"));
        }
        if self.state.enter().is_err() {
            return Err(Error::Misuse("begin: the connection's transactions are broken"));
        }
        self.state.phase = Phase::Open;
        Ok(())
    }

    /// Commits in one packet, with the statement `before` (empty, or ended by `;`) as the last of
    /// the transaction.
    ///
    /// On any failure the transaction is no longer open, unless the connection is broken.
    ///
    /// # Blocks
    /// For one round trip, or two if the commit fails; each at most the read timeout.
    ///
    /// # Errors
    /// [`Error::Server`]: its fault is [`Uncertain`](crate::Fault::Uncertain) if the outcome is not
    /// known; with every other nothing was committed. If the server had undone the transaction, the
    /// error is what it said then.
    pub fn commit(&mut self, before: &str) -> Result<(), Error> {
        match self.state.depth() {
            Ok(1) => {}
            _ => return Err(Error::Misuse("commit: not at the outermost level of a transaction")),
        }
        if let Err(cause) = self.state.admit() {
            self.end_by_rollback();
            return Err(cause.into());
        }
        if !self.state.is_broken()
            && let Err(error) = self.handle.make_ready()
        {
            self.state.failed(&error);
        }
        // Nothing can be sent any more, so there is no doubt about it.
        if self.state.is_broken() {
            return self.rollback();
        }
        let sql = if before.is_empty() { "COMMIT".to_owned() } else { format!("{before} COMMIT") };
        self.state.expect(Footprint::default());
        self.state.phase = Phase::CommitSent;
        match self.told(&sql, |conn| conn.run_batch(&sql)) {
            Ok(_) => {
                self.state.ended();
                self.left()
            }
            Err(failure) => {
                let certain = commit_failed_for_certain(&failure, before);
                let error = failure.into_source_error();
                if certain && !self.state.is_broken() {
                    self.end_by_rollback();
                    return Err(error.into());
                }
                // The phase stays `CommitSent`: this connection cannot tell the outcome, nor be
                // used again; and the server shall not wait for more from it either.
                self.state.broken = true;
                self.state.doubt();
                self.state.status.set_in_error();
                if let Ok(interrupter) = self.interrupter() {
                    interrupter.shutdown();
                }
                Err(error.uncertain().into())
            }
        }
    }

    /// Undoes the transaction.
    ///
    /// # Blocks
    /// For one round trip, at most the read timeout.
    ///
    /// # Errors
    /// [`Error::Misuse`] if none is open; [`Error::Server`] if the connection breaks, and then the
    /// server undoes it.
    pub fn rollback(&mut self) -> Result<(), Error> {
        match self.state.depth() {
            Ok(1..) => {}
            _ => return Err(Error::Misuse("rollback: no transaction is open")),
        }
        if self.state.is_broken() {
            self.state.status.set_in_error();
            return Err(self
                .state
                .last_error
                .clone()
                .map_or(Error::Misuse("rollback: the connection is broken"), Error::from));
        }
        self.state.ended();
        let outcome = self.told("ROLLBACK", |conn| conn.control("ROLLBACK"));
        match &outcome {
            Ok(()) => self.state.status = TransactionManagerStatus::default(),
            Err(_) => self.state.status.set_in_error(),
        }
        outcome
    }

    /// Tells the instrumentation of a text that diesel's manager would give to `batch_execute`.
    fn told<T, E>(&mut self, sql: &str, run: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E>
    where
        E: Clone + Into<DieselError>,
    {
        let shown = StrQueryHelper::new(sql);
        self.instrumentation().on_connection_event(InstrumentationEvent::start_query(&shown));
        let outcome = run(self);
        let error = outcome.as_ref().err().map(|error| error.clone().into());
        let event = InstrumentationEvent::finish_query(&shown, error.as_ref());
        self.instrumentation().on_connection_event(event);
        outcome
    }

    fn end_by_rollback(&mut self) {
        if let Err(error) = self.rollback() {
            log::debug!(target: "steadfast::connection", error:% = error; "rollback failed");
        }
    }

    fn left(&mut self) -> Result<(), Error> {
        self.state.leave().map_err(|error| {
            log::error!(target: "steadfast::connection", error:% = error; "transaction depth");
            Error::Misuse("commit: the connection's transactions are broken")
        })
    }

    /// A savepoint's failure, told as the failure that undid the transaction if there was one
    /// before.
    fn savepoint(&mut self, sql: &str) -> Result<(), ServerError> {
        self.state.admit()?;
        self.told(sql, |conn| conn.control(sql)).map_err(|error| match error {
            Error::Server(source) => *source,
            _ => ServerError::ended_by_statement(self.vendor()),
        })
    }
}

/// True if nothing was committed, whatever else happened.
fn commit_failed_for_certain(failure: &crate::BatchError, before: &str) -> bool {
    let source = failure.source_error();
    if source.is_disconnect() {
        return false;
    }
    // The statement before COMMIT was refused: the server stopped there, and COMMIT never ran.
    let refused_before = !before.is_empty() && failure.index() == 0 && !source.is_from_client();
    refused_before || aborts_for_certain(source.vendor(), source.errno())
}

/// diesel's transactions, for a [`Connection`] and for whatever holds one.
#[derive(Debug)]
pub struct Transactions;

impl<C> TransactionManager<C> for Transactions
where
    C: diesel::Connection<TransactionManager = Self> + AsMut<Connection>,
{
    type TransactionStateData = TransactionState;

    fn begin_transaction(holder: &mut C) -> QueryResult<()> {
        let conn = holder.as_mut();
        let depth = conn.state.depth()?;
        if let Some(depth) = std::num::NonZeroU32::new(depth + 1) {
            let event = InstrumentationEvent::begin_transaction(depth);
            conn.instrumentation().on_connection_event(event);
        }
        if depth == 0 {
            return Ok(conn.begin("BEGIN")?);
        }
        conn.savepoint(&format!("SAVEPOINT diesel_savepoint_{depth}"))?;
        conn.state.enter()
    }

    fn rollback_transaction(holder: &mut C) -> QueryResult<()> {
        let conn = holder.as_mut();
        let depth = conn.state.depth()?;
        let Some(event_depth) = std::num::NonZeroU32::new(depth) else {
            return Err(DieselError::NotInTransaction);
        };
        let event = InstrumentationEvent::rollback_transaction(event_depth);
        conn.instrumentation().on_connection_event(event);
        if depth == 1 {
            // The caller's own error says more than that a broken connection cannot roll back.
            return conn.rollback().map_err(|error| match error {
                Error::Server(_) => DieselError::BrokenTransactionManager,
                other => other.into(),
            });
        }
        // If the transaction is undone there is no savepoint to go back to; the outermost level
        // ends it.
        let outcome =
            conn.savepoint(&format!("ROLLBACK TO SAVEPOINT diesel_savepoint_{}", depth - 1));
        if let Err(error) = outcome {
            conn.state.undone.get_or_insert(error);
        }
        conn.state.leave()
    }

    fn commit_transaction(holder: &mut C) -> QueryResult<()> {
        let conn = holder.as_mut();
        let depth = conn.state.depth()?;
        let Some(event_depth) = std::num::NonZeroU32::new(depth) else {
            return Err(DieselError::NotInTransaction);
        };
        let event = InstrumentationEvent::commit_transaction(event_depth);
        conn.instrumentation().on_connection_event(event);
        if depth == 1 {
            return Ok(conn.commit("")?);
        }
        let outcome = conn.savepoint(&format!("RELEASE SAVEPOINT diesel_savepoint_{}", depth - 1));
        // Swallowed, it would let the inner part through with the outer.
        if let Err(error) = &outcome {
            conn.state.undone.get_or_insert_with(|| error.clone());
        }
        conn.state.leave()?;
        Ok(outcome?)
    }

    fn transaction_manager_status_mut(holder: &mut C) -> &mut TransactionManagerStatus {
        &mut holder.as_mut().state.status
    }
}
