//! Prepared statements, the last used ones kept.
//!
//! diesel keeps statements without a bound and leaves out every UPDATE, every batch INSERT and raw
//! SQL, because their text may differ from call to call. With a bound that is no danger, so these
//! are kept here, by their text.

use std::any::TypeId;
use std::collections::HashMap;

use diesel::QueryResult;
use diesel::mysql::MysqlType;

use crate::ffi::Handle;
use crate::wire::Statement;
use crate::{ServerError, limits};

/// How a query is found again: by its Rust type where the text depends on that alone, else by its
/// text and the types of its values.
///
/// Not by the text alone: MySQL since 8.0.22 keeps the types that a statement was first executed
/// with, and turns what comes later into those. MEASURED: the text `a` was read as the number 0.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Type(TypeId),
    Sql(String, Vec<MysqlType>),
}

/// At most `room` prepared statements.
pub(crate) struct StatementCache {
    kept: HashMap<Key, Kept>,
    room: usize,
    uses: u64,
}

struct Kept {
    statement: Statement,
    last_use: u64,
}

/// A statement to execute: kept for later, or for this once.
pub(crate) enum Lent<'cache> {
    Kept(&'cache mut Statement),
    Once(Box<Statement>),
}

impl Lent<'_> {
    pub(crate) fn get(&mut self) -> &mut Statement {
        match self {
            Self::Kept(statement) => statement,
            Self::Once(statement) => statement,
        }
    }
}

impl StatementCache {
    pub(crate) fn new(room: usize) -> Self {
        Self { kept: HashMap::new(), room, uses: 0 }
    }

    /// Forgets all, as the server does on `COM_RESET_CONNECTION`.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }

    pub(crate) fn set_room(&mut self, room: usize) {
        self.room = room;
        while self.kept.len() > room {
            self.forget_oldest();
        }
    }

    /// False if each statement is prepared for one execution.
    pub(crate) fn keeps(&self) -> bool {
        self.room > 0
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The statement kept under `key`, or a new one, prepared from the text that `text` gives.
    pub(crate) fn get<'cache>(
        &'cache mut self,
        handle: &mut Handle,
        key: Key,
        text: impl FnOnce(&Key) -> QueryResult<String>,
    ) -> QueryResult<Lent<'cache>> {
        self.uses += 1;
        let last_use = self.uses;
        if !self.kept.contains_key(&key) {
            let sql = text(&key)?;
            let statement = self.prepare(handle, &sql)?;
            if self.room == 0 {
                return Ok(Lent::Once(Box::new(statement)));
            }
            if self.kept.len() >= self.room {
                self.forget_oldest();
            }
            let kept = self.kept.entry(key).insert_entry(Kept { statement, last_use }).into_mut();
            return Ok(Lent::Kept(&mut kept.statement));
        }
        match self.kept.get_mut(&key) {
            Some(kept) => {
                kept.last_use = last_use;
                Ok(Lent::Kept(&mut kept.statement))
            }
            // Not reached: it was there a moment ago.
            None => Err(diesel::result::Error::NotFound),
        }
    }

    /// Prepares, and where the server has no room for one more statement, forgets ours and tries
    /// once more.
    fn prepare(&mut self, handle: &mut Handle, sql: &str) -> Result<Statement, ServerError> {
        const MAX_PREPARED_STMT_COUNT_REACHED: u32 = 1461;
        limits::check_preparation(handle, sql)?;
        match Statement::prepare(handle, sql) {
            Err(error) if error.errno() == MAX_PREPARED_STMT_COUNT_REACHED => {
                self.clear();
                Statement::prepare(handle, sql)
            }
            outcome => outcome,
        }
    }

    /// A search through all, which at 256 statements is nothing beside the round trip that follows.
    fn forget_oldest(&mut self) {
        let oldest = self.kept.values().map(|kept| kept.last_use).min();
        if let Some(oldest) = oldest {
            self.kept.retain(|_, kept| kept.last_use != oldest);
        }
    }
}
