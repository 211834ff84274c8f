//! Runs each case on both connections, and keeps account of where they differ.
//!
//! A theme has a database for each of the two. Before a case both are seeded; after it what was
//! seen, the state of the transaction and, where the theme writes, the rows of its tables are
//! compared as text that is exact to the bit.

use std::fmt::{Debug, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::{LoadConnection, SimpleConnection as _, TransactionManager};
use diesel::mysql::{Mysql, MysqlType, MysqlValue};
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::row::{Field as _, Row as _};
use diesel::{Connection as _, QueryResult, sql_query};
use steadfast_testkit::{TestDatabase, server};

pub(crate) type Stock = diesel::MysqlConnection;
pub(crate) type Ours = steadfast_connection::Connection;

/// Where a case runs.
pub(crate) struct Site {
    pub(crate) url: String,
    database: TestDatabase,
}

type Run<C> = Box<dyn Fn(&mut C, &Site) -> String>;

pub(crate) struct Case {
    name: String,
    stock: Run<Stock>,
    ours: Run<Ours>,
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        stock: impl Fn(&mut Stock, &Site) -> String + 'static,
        ours: impl Fn(&mut Ours, &Site) -> String + 'static,
    ) -> Self {
        Self { name: name.into(), stock: Box::new(stock), ours: Box::new(ours) }
    }
}

/// Cases that share their tables.
pub(crate) struct Theme {
    pub(crate) name: &'static str,
    /// Runs once, without strict mode, so that it can put in what strict mode refuses.
    pub(crate) setup: String,
    /// Runs before each case, which then has a connection of its own.
    pub(crate) seed: &'static str,
    /// What is compared after each case.
    pub(crate) tables: &'static [&'static str],
    pub(crate) cases: Vec<Case>,
}

/// A case that did not give the same.
pub(crate) struct Difference {
    pub(crate) case: String,
    pub(crate) stock: String,
    pub(crate) ours: String,
}

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) names: Vec<String>,
    pub(crate) differences: Vec<Difference>,
}

/// Cases, each written once and compiled for both connections: `C` stands for the type of `$conn`.
macro_rules! cases {
    ($($name:literal => |$conn:ident $(, $site:ident)?| $body:expr;)*) => {
        vec![$({
            #[allow(unused_variables, dead_code, unused_mut, reason = "not every case uses all")]
            let stock = |conn: &mut $crate::suite::Stock, site: &$crate::suite::Site| {
                type C = $crate::suite::Stock;
                let $conn: &mut C = conn;
                $(let $site = site;)?
                $crate::suite::seen(|| $body)
            };
            #[allow(unused_variables, dead_code, unused_mut, reason = "not every case uses all")]
            let ours = |conn: &mut $crate::suite::Ours, site: &$crate::suite::Site| {
                type C = $crate::suite::Ours;
                let $conn: &mut C = conn;
                $(let $site = site;)?
                $crate::suite::seen(|| $body)
            };
            $crate::suite::Case::new($name, stock, ours)
        }),*]
    };
}
pub(crate) use cases;

/// An outcome as text.
pub(crate) fn seen<T: Debug>(run: impl FnOnce() -> QueryResult<T>) -> String {
    match run() {
        Ok(value) => format!("{value:?}"),
        Err(error) => failure(&error),
    }
}

/// All that diesel's error tells but for `details`, which has a case of its own.
pub(crate) fn failure(error: &Error) -> String {
    match error {
        Error::DatabaseError(kind, info) => format!(
            "{kind:?}: {:?} hint={:?} table={:?} column={:?} constraint={:?} position={:?}",
            info.message(),
            info.hint(),
            info.table_name(),
            info.column_name(),
            info.constraint_name(),
            info.statement_position(),
        ),
        other => format!("{other:?}"),
    }
}

/// A row with a value that does not fit the type asked for.
pub(crate) const UNREADABLE: &str = "unreadable";

/// All rows of a query: of each column its name, and its value to the bit.
pub(crate) fn rows<C, Q>(conn: &mut C, query: Q) -> QueryResult<Vec<String>>
where
    C: diesel::Connection<Backend = Mysql> + LoadConnection,
    Q: Query + QueryFragment<Mysql> + QueryId,
    Mysql: diesel::expression::QueryMetadata<Q::SqlType>,
{
    let mut seen = Vec::new();
    for row in conn.load(query)? {
        let row = match row {
            Ok(row) => row,
            // The two word it differently, which `errors.rs` has a case of.
            Err(Error::DeserializationError(_)) => {
                seen.push(UNREADABLE.to_owned());
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut line = String::new();
        for index in 0..row.field_count() {
            let Some(field) = row.get(index) else { continue };
            let name = field.field_name().unwrap_or("(no name)");
            let value = field.value().map_or_else(|| "NULL".to_owned(), |value| exact(&value));
            write!(line, "{name}={value} ").unwrap();
            assert_eq!(field.is_null(), value == "NULL");
        }
        seen.push(line);
    }
    Ok(seen)
}

/// A value with its type, to the bit; of the C library's struct of a time without the padding and
/// without its own idea of the type, which is that of a date at midnight on one of the two libraries.
fn exact(value: &MysqlValue<'_>) -> String {
    let bytes = value.as_bytes();
    let kind = value.value_type();
    match kind {
        MysqlType::Time | MysqlType::Date | MysqlType::DateTime | MysqlType::Timestamp => {
            let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
            let date = [word(0), word(4), word(8)];
            let time = [word(12), word(16), word(20)];
            let fraction = u64::from_ne_bytes(bytes[24..32].try_into().unwrap());
            let sign = bytes[32];
            format!("{kind:?} {date:?} {time:?} .{fraction} neg={sign}")
        }
        _ if bytes.len() > 300 => {
            let mut hash = 0xcbf2_9ce4_8422_2325_u64;
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
            format!("{kind:?} {} bytes, FNV {hash:x}", bytes.len())
        }
        MysqlType::String => format!("{kind:?} {}", bytes.escape_ascii()),
        _ => format!("{kind:?} {bytes:02x?}"),
    }
}

/// Some cases are of things that one vendor's server has.
pub(crate) fn is_mariadb() -> bool {
    server().sql("", "SELECT VERSION()").unwrap().contains("MariaDB")
}

impl Site {
    fn new(setup: &str) -> Self {
        let database = server().database();
        let url = database.url();
        let mut conn = Stock::establish(&url).unwrap();
        conn.batch_execute("SET SESSION sql_mode = ''").unwrap();
        conn.batch_execute(setup).unwrap();
        Self { url, database }
    }

    /// Runs a case, and tells what came of it.
    fn run<C>(&self, conn: &mut Option<C>, theme: &Theme, case: &Run<C>) -> String
    where
        C: diesel::Connection<Backend = Mysql>,
    {
        let mut fresh = conn.take().unwrap_or_else(|| C::establish(&self.url).unwrap());
        if !theme.seed.is_empty() {
            fresh.batch_execute(theme.seed).unwrap();
        }
        let run = AssertUnwindSafe(|| case(&mut fresh, self));
        let mut seen = match catch_unwind(run) {
            Ok(seen) => {
                let status = C::TransactionManager::transaction_manager_status_mut(&mut fresh);
                let depth = status.transaction_depth();
                if matches!(depth, Ok(None)) {
                    // What is seeded may be left in any state, or killed.
                    *conn = theme.seed.is_empty().then_some(fresh);
                    seen
                } else {
                    let depth = depth.map_err(|error| failure(&error));
                    format!("{seen}\ntransaction: {depth:?}")
                }
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                format!("panic: {}", text.unwrap_or("with no text"))
            }
        };
        for table in theme.tables {
            let query = format!("SELECT * FROM {table} ORDER BY 1, 2");
            let left = Stock::establish(&self.url).unwrap();
            let left = rows_of(left, &query);
            write!(seen, "\n{table}: {left}").unwrap();
        }
        // The two names have the same length but differ.
        seen.replace(self.database.name(), "(database)")
    }
}

fn rows_of(mut conn: Stock, query: &str) -> String {
    match rows(&mut conn, sql_query(query)) {
        Ok(rows) => rows.join(" | "),
        Err(error) => failure(&error),
    }
}

impl Tally {
    /// Runs the cases of a theme.
    pub(crate) fn run(&mut self, theme: &Theme) {
        let (at_stock, at_ours) = (Site::new(&theme.setup), Site::new(&theme.setup));
        let (mut stock, mut ours) = (None, None);
        for case in &theme.cases {
            let name = format!("{}: {}", theme.name, case.name);
            let seen = at_stock.run(&mut stock, theme, &case.stock);
            let ours = at_ours.run(&mut ours, theme, &case.ours);
            if seen != ours {
                self.differences.push(Difference { case: name.clone(), stock: seen, ours });
            }
            self.names.push(name);
        }
    }
}
