//! One way to make one number happen, and what must be true of it afterwards.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use steadfast_connection::{Config, Connection, Fault, ServerError, Tls, Vendor};
use steadfast_testkit::eventually;

use crate::page::{self, Row};

/// The `lc_messages` that everything runs under.
pub(crate) const LANGUAGES: [&str; 3] = ["en_US", "de_DE", "ja_JP"];

/// The servers a case is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Both,
    MariaDb,
    MySql,
}

impl On {
    pub(crate) fn has(self, vendor: Vendor) -> bool {
        match self {
            Self::Both => true,
            Self::MariaDb => vendor == Vendor::MariaDb,
            Self::MySql => vendor == Vendor::MySql,
        }
    }
}

/// How a statement is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Prepared,
    Batch,
}

/// What became of the transaction, beyond what the page says of the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// As on the page.
    Page,
    /// The statement committed what was open before it failed.
    Committed,
    /// It is whole, but the statement is of a kind that commits, so Steadfast refuses the COMMIT.
    Refused,
    /// It was refused as it was read, so the transaction is whole. In a batch, its kind commits, so
    /// Steadfast refuses the COMMIT.
    Unread,
}

/// A statement that fails in the schema of `SCHEMA`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) errno: u32,
    pub(crate) sqlstate: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) on: On,
    /// What the session is told before the transaction begins.
    pub(crate) session: &'static str,
    /// The one way it can be sent, if the other gives another number.
    pub(crate) only: Option<Path>,
    /// MySQL does not prepare such a statement (1295).
    pub(crate) text_on_mysql: bool,
    pub(crate) after: After,
}

pub(crate) const fn case(errno: u32, sqlstate: &'static str, sql: &'static str) -> Case {
    Case {
        errno,
        sqlstate,
        sql,
        on: On::Both,
        session: "",
        only: None,
        text_on_mysql: false,
        after: After::Page,
    }
}

impl Case {
    pub(crate) const fn maria(self) -> Self {
        Self { on: On::MariaDb, ..self }
    }

    pub(crate) const fn mysql(self) -> Self {
        Self { on: On::MySql, ..self }
    }

    pub(crate) const fn session(self, session: &'static str) -> Self {
        Self { session, ..self }
    }

    pub(crate) const fn only(self, path: Path) -> Self {
        Self { only: Some(path), ..self }
    }

    pub(crate) const fn text_on_mysql(self) -> Self {
        Self { text_on_mysql: true, ..self }
    }

    /// True if `path` gives this number on a vendor's server.
    pub(crate) fn goes(&self, path: Path, vendor: Vendor) -> bool {
        let unprepared = self.text_on_mysql && vendor == Vendor::MySql && path == Path::Prepared;
        self.on.has(vendor) && self.only.is_none_or(|only| only == path) && !unprepared
    }

    pub(crate) const fn after(self, after: After) -> Self {
        Self { after, ..self }
    }
}

/// What every case finds.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE witness (id INT PRIMARY KEY) ENGINE=InnoDB;
    CREATE TABLE parent (id INT PRIMARY KEY, code INT, UNIQUE KEY code (code));
    CREATE TABLE child (id INT PRIMARY KEY, parent_id INT NOT NULL,
        CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES parent (id));
    CREATE TABLE cascading (id INT PRIMARY KEY, code INT, UNIQUE KEY alone (code),
        FOREIGN KEY (code) REFERENCES parent (code) ON UPDATE CASCADE);
    CREATE TABLE t (id INT PRIMARY KEY, n TINYINT NOT NULL, s VARCHAR(5), d DATE,
        positive INT, CONSTRAINT above_zero CHECK (positive > 0), UNIQUE KEY s (s));
    CREATE TABLE parts (id INT NOT NULL) PARTITION BY RANGE (id)
        (PARTITION low VALUES LESS THAN (10), PARTITION mid VALUES LESS THAN (20));
    CREATE TABLE locked (id INT PRIMARY KEY, v INT);
    CREATE TABLE generated_one (id INT PRIMARY KEY, twice INT AS (id * 2) VIRTUAL);
    CREATE TABLE counter (id TINYINT AUTO_INCREMENT PRIMARY KEY);
    CREATE TABLE noted (id INT PRIMARY KEY);
    CREATE VIEW small AS SELECT id, n FROM t WHERE n < 10 WITH CHECK OPTION;
    CREATE VIEW summed AS SELECT SUM(n) AS total FROM t;
    CREATE VIEW joined AS SELECT t.id, parent.code FROM t JOIN parent ON t.id = parent.id;
    CREATE VIEW hollow AS SELECT id FROM noted;
    DROP TABLE noted;
    CREATE TABLE texts (j JSON);
    CREATE PROCEDURE tells(OUT a INT) SET a = 1;
    CREATE TABLE shapes (shape GEOMETRY);
    CREATE TABLE loose_parent (id INT PRIMARY KEY, code INT, KEY (code));
    CREATE TABLE loose_child (code INT, UNIQUE KEY (code),
        FOREIGN KEY (code) REFERENCES loose_parent (code) ON UPDATE CASCADE);
    CREATE VIEW half AS SELECT id, n + 1 AS more FROM t;
    CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1;
    CREATE PROCEDURE nothing(a INT) SET @nothing = a;
    CREATE PROCEDURE says_no() SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no';
    CREATE DEFINER = nobody@nowhere PROCEDURE orphan() DO 1;
    CREATE PROCEDURE deep(n INT) CALL deep(n + 1);
    CREATE TRIGGER guard BEFORE DELETE ON t FOR EACH ROW SIGNAL SQLSTATE '45000';
    CREATE TRIGGER own_table BEFORE INSERT ON locked FOR EACH ROW UPDATE locked SET v = 1;
    INSERT INTO parent VALUES (1, 1), (2, 2);
    INSERT INTO child VALUES (1, 1);
    INSERT INTO cascading VALUES (1, 1), (2, 2);
    INSERT INTO t VALUES (1, 1, 'a', '2020-01-01', 1), (2, 2, 'b', '2020-01-01', 1);
    INSERT INTO parts VALUES (1), (11);
    INSERT INTO loose_parent VALUES (1, 1), (2, 2);
    INSERT INTO loose_child VALUES (1), (2);
    INSERT INTO counter VALUES (127)";

/// Where failures are made: a database with `SCHEMA`, and somebody who looks on.
pub(crate) struct Stage {
    pub(crate) config: Config,
    pub(crate) vendor: Vendor,
    pub(crate) observer: Connection,
    pub(crate) language: &'static str,
    pub(crate) next_key: u32,
    /// The messages seen, by number and language.
    pub(crate) texts: BTreeMap<(u32, &'static str), String>,
}

/// A transaction with one row of its own, in which something is about to fail.
pub(crate) struct Victim {
    pub(crate) conn: Connection,
    pub(crate) key: u32,
}

impl Stage {
    pub(crate) fn new(url: &str) -> Self {
        // The proxy sees no packets under TLS.
        let config = Config::from_url(url).unwrap().tls(Tls::disabled());
        let mut observer = Connection::open(&config).unwrap();
        let vendor = observer.vendor();
        if vendor == Vendor::MySql {
            observer.batch("SET restrict_fk_on_non_standard_key = 0").unwrap();
        }
        observer.batch(SCHEMA).unwrap();
        let texts = BTreeMap::new();
        Self { config, vendor, observer, language: "en_US", next_key: 0, texts }
    }

    pub(crate) fn open(&self) -> Connection {
        let mut conn = Connection::open(&self.config).unwrap();
        conn.batch(&format!("SET lc_messages = '{}'", self.language)).unwrap();
        conn
    }

    /// Begins with `begin` and inserts a row of which nobody else knows.
    pub(crate) fn victim(&mut self, session: &str, begin: &str) -> Victim {
        let mut conn = self.open();
        if !session.is_empty() {
            conn.batch(session).unwrap();
        }
        self.victim_on(conn, begin)
    }

    pub(crate) fn victim_on(&mut self, mut conn: Connection, begin: &str) -> Victim {
        self.next_key += 1;
        let key = self.next_key;
        conn.begin(begin).unwrap();
        conn.batch(&format!("INSERT INTO witness VALUES ({key})")).unwrap();
        Victim { conn, key }
    }

    /// True if a transaction still holds the victim's row.
    fn is_held(&mut self, key: u32) -> bool {
        let sql = format!("SELECT id FROM witness WHERE id = {key} FOR UPDATE NOWAIT");
        self.observer.batch(&sql).is_err()
    }

    /// True if the victim's row is committed.
    fn is_there(&mut self, key: u32) -> bool {
        let mut rows = self.observer.query("SELECT id FROM witness").unwrap();
        let mut found = false;
        while let Some(row) = rows.next().unwrap() {
            found |= row.get(0) == Some(key.to_string().as_bytes());
        }
        found
    }

    /// Runs a case outside a transaction: the connection must be as good as before.
    pub(crate) fn run_alone(&mut self, case: &Case, path: Path) -> Result<(), String> {
        let mut conn = self.open();
        // A name of its own: the server may still be clearing up behind the connection before.
        let session = case.session.replace("{id}", &conn.thread_id().to_string());
        if !session.is_empty() {
            conn.batch(&session).unwrap();
        }
        let error = fail(&mut conn, case.sql, path)?;
        self.recognise(&error, case)?;
        ensure(!conn.is_broken() && conn.ping().is_ok(), || "it is broken".to_owned())
    }

    /// Runs a case on one path and checks everything that is known of it.
    pub(crate) fn run(&mut self, case: &Case, path: Path) -> Result<(), String> {
        let mut victim = self.victim(case.session, "BEGIN");
        let error = fail(&mut victim.conn, case.sql, path)?;
        self.check(victim, &error, case, path)
    }

    /// Checks an error and what it did to the victim's transaction.
    pub(crate) fn check(
        &mut self,
        victim: Victim,
        error: &DieselError,
        case: &Case,
        path: Path,
    ) -> Result<(), String> {
        let found = self.recognise(error, case)?;
        self.settle(victim, &found, case.after, path)
    }

    /// Compares what an error says of itself with the page.
    pub(crate) fn recognise(
        &mut self,
        error: &DieselError,
        case: &Case,
    ) -> Result<ServerError, String> {
        let errno = case.errno;
        let found = ServerError::find(error).ok_or_else(|| format!("{error:?} has no number"))?;
        let got = (found.errno(), found.sqlstate());
        ensure(got == (errno, case.sqlstate), || format!("got {found}"))?;
        let row = page::row(errno, self.vendor).ok_or("the page has no row for it")?;
        ensure(found.vendor() == self.vendor, || "another vendor".to_owned())?;
        ensure(fault(row) == found.fault(), || format!("fault {:?}", found.fault()))?;
        let kind = page::kind(errno, self.vendor);
        ensure(is_kind(error, kind), || format!("kind {error:?}, not {kind}"))?;
        self.texts.insert((errno, self.language), found.message().to_owned());
        Ok(found)
    }

    fn settle(
        &mut self,
        mut victim: Victim,
        found: &ServerError,
        after: After,
        path: Path,
    ) -> Result<(), String> {
        let key = victim.key;
        let row = page::row(found.errno(), self.vendor).ok_or("the page has no row for it")?;
        let undone = victim.conn.undone().map(ServerError::errno);
        let (held, there) = (self.is_held(key), self.is_there(key));
        let state = format!("held {held}, committed {there}, undone by {undone:?}");
        let wrong = || state.clone();
        let unread = after == After::Unread && path == Path::Batch;
        let is_refused = after == After::Refused || unread;
        let expected_commit = match (after, row.after) {
            (After::Committed, _) => {
                ensure(there && undone == Some(0), wrong)?;
                Some(0)
            }
            _ if is_refused => {
                ensure(held && !there && undone == Some(0), wrong)?;
                Some(0)
            }
            (After::Unread, _) => {
                ensure(held && !there && undone.is_none(), wrong)?;
                None
            }
            (After::Page, "whole") => {
                ensure(held && !there && undone.is_none(), wrong)?;
                None
            }
            (After::Page, "gone") => {
                ensure(!held && !there && undone == Some(found.errno()), wrong)?;
                Some(found.errno())
            }
            (After::Page, "unknown") => {
                ensure(!there && undone == Some(found.errno()), wrong)?;
                Some(found.errno())
            }
            (After::Page, "lost") => {
                ensure(victim.conn.is_broken() && undone == Some(found.errno()), wrong)?;
                // The server may need a moment to notice.
                let within = std::time::Duration::from_secs(10);
                eventually(within, || !self.is_held(key));
                return ensure(!self.is_there(key), || "committed".to_owned());
            }
            other => return Err(format!("{other:?} is no state of a transaction")),
        };
        let committed = victim.conn.commit("");
        let got = committed.as_ref().err().map(|error| error.errno().unwrap_or_default());
        ensure(got == expected_commit, || format!("COMMIT: {committed:?}"))?;
        let is_there = self.is_there(key);
        let should = expected_commit.is_none() || after == After::Committed;
        ensure(is_there == should, || format!("after COMMIT: there {is_there}"))?;
        ensure(!self.is_held(key), || "held after the end".to_owned())?;
        // The connection is good for another transaction.
        ensure(victim.conn.begin("BEGIN").is_ok(), || "no further BEGIN".to_owned())
    }
}

/// Sends `sql`, which must fail; on the batch path as the second statement, so that its position
/// can be checked.
pub(crate) fn fail(conn: &mut Connection, sql: &str, path: Path) -> Result<DieselError, String> {
    match path {
        Path::Prepared => match diesel::sql_query(sql).execute(conn) {
            Err(error) => Ok(error),
            Ok(done) => Err(format!("prepared: it did not fail: {done}")),
        },
        Path::Batch => {
            let error = conn.batch_execute(&format!("DO 0; {sql}"));
            let error = error.err().ok_or("batch: it did not fail")?;
            let position = ServerError::find(&error).and_then(|found| found.statement_position());
            // A syntax error is found before the first statement runs, or with its own.
            ensure(position == Some(1), || format!("position {position:?}: {error:?}"))?;
            Ok(error)
        }
    }
}

pub(crate) fn fault(row: &Row) -> Fault {
    match row.fault {
        "Transient" => Fault::Transient,
        "Disconnected" => Fault::Disconnected,
        "Busy" => Fault::Busy,
        "Constraint" => Fault::Constraint,
        _ => Fault::Permanent,
    }
}

fn is_kind(error: &DieselError, kind: &str) -> bool {
    matches!(error, DieselError::DatabaseError(found, _) if name(found) == kind)
}

fn name(kind: &DatabaseErrorKind) -> String {
    match kind {
        // Its Debug form is another.
        DatabaseErrorKind::Unknown => "Unknown".to_owned(),
        kind => format!("{kind:?}"),
    }
}

pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
