//! What a connection knows about its transactions, beside real deadlocks, kills and DDL.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]
#![allow(missing_docs, reason = "the tables of a test speak for themselves")]

use std::sync::Barrier;
use std::thread;

use diesel::Connection as _;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use steadfast_connection::{Config, Connection, Error, Fault, Phase, ServerError};
use steadfast_testkit::{Command, Rule, TestDatabase, server};

diesel::table! { accounts (id) { id -> Integer, balance -> BigInt, } }

fn open(database: &TestDatabase) -> Connection {
    Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap()
}

fn accounts() -> TestDatabase {
    let database = server().database();
    let sql = "CREATE TABLE accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL CHECK (balance >= 0)); \
               INSERT INTO accounts VALUES (1, 100), (2, 100)";
    open(&database).batch(sql).unwrap();
    database
}

fn pay(conn: &mut Connection, id: i32, amount: i64) -> QueryResult<usize> {
    diesel::update(accounts::table.find(id))
        .set(accounts::balance.eq(accounts::balance + amount))
        .execute(conn)
}

fn balance(database: &TestDatabase, id: i32) -> i64 {
    accounts::table.find(id).select(accounts::balance).first(&mut open(database)).unwrap()
}

/// Makes two connections lock rows crosswise; gives the errors of the one that the server chose as
/// the victim.
fn deadlock(database: &TestDatabase) -> (Connection, DieselError) {
    let both_hold = Barrier::new(2);
    let lock_crosswise = |first: i32, second: i32| {
        let mut conn = open(database);
        conn.begin("BEGIN").unwrap();
        pay(&mut conn, first, 1).unwrap();
        both_hold.wait();
        let outcome = pay(&mut conn, second, 1);
        if outcome.is_ok() {
            conn.rollback().unwrap();
        }
        (conn, outcome)
    };
    thread::scope(|scope| {
        let one = scope.spawn(|| lock_crosswise(1, 2));
        let other = scope.spawn(|| lock_crosswise(2, 1));
        let mut victims = [one.join().unwrap(), other.join().unwrap()]
            .into_iter()
            .filter_map(|(conn, outcome)| Some((conn, outcome.err()?)));
        victims.next().unwrap()
    })
}

#[test]
fn a_deadlock_has_its_number_and_undoes_the_transaction() {
    let database = accounts();
    let (mut victim, error) = deadlock(&database);

    let found = ServerError::find(&error).unwrap();
    assert_eq!((found.errno(), found.sqlstate(), found.fault()), (1213, "40001", Fault::Transient));
    assert!(matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)
    ));

    // Swallowed, it must not let the second half through: neither a statement nor the commit.
    let next = pay(&mut victim, 2, 50).unwrap_err();
    assert_eq!(ServerError::find(&next).unwrap().errno(), 1213);
    let commit = victim.commit("").unwrap_err();
    assert_eq!((commit.errno(), victim.phase()), (Some(1213), Phase::Idle));
    assert_eq!(balance(&database, 2), 100);
    // And the connection is good for another.
    victim.transaction(|conn| pay(conn, 1, 5)).unwrap();
    assert_eq!(balance(&database, 1), 105);
}

#[test]
fn a_deadlock_in_a_savepoint_is_told_as_what_it_is() {
    let database = accounts();
    let both_hold = Barrier::new(2);
    let nested = |first: i32, second: i32| {
        let mut conn = open(&database);
        conn.transaction::<_, DieselError, _>(|conn| {
            pay(conn, first, 1)?;
            both_hold.wait();
            // diesel's own manager answers "SAVEPOINT diesel_savepoint_1 does not exist" here.
            conn.transaction(|conn| pay(conn, second, 1))
        })
    };
    let outcomes = thread::scope(|scope| {
        let one = scope.spawn(|| nested(1, 2));
        let other = scope.spawn(|| nested(2, 1));
        [one.join().unwrap(), other.join().unwrap()]
    });
    let errors: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(errors.len(), 1, "{outcomes:?}");
    assert_eq!(ServerError::find(errors[0]).unwrap().errno(), 1213);
    assert_eq!(balance(&database, 1) + balance(&database, 2), 202);
}

#[test]
fn an_error_of_the_data_leaves_the_transaction_open() {
    let violated = if server().is_mariadb() { 4025 } else { 3819 };
    let database = accounts();
    let mut conn = open(&database);
    conn.transaction::<_, DieselError, _>(|conn| {
        pay(conn, 1, 7)?;
        let error = pay(conn, 1, -1000).unwrap_err();
        let found = ServerError::find(&error).unwrap();
        assert_eq!((found.errno(), found.fault()), (violated, Fault::Constraint));
        let twice = diesel::insert_into(accounts::table)
            .values((accounts::id.eq(1), accounts::balance.eq(0)))
            .execute(conn)
            .unwrap_err();
        assert!(matches!(twice, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)));
        Ok(())
    })
    .unwrap();
    assert_eq!(balance(&database, 1), 107);
    assert_eq!(conn.first_error().map(ServerError::errno), Some(violated));
}

#[test]
fn savepoints_undo_their_own_part() {
    let database = accounts();
    let mut conn = open(&database);
    conn.transaction::<_, DieselError, _>(|conn| {
        pay(conn, 1, 10)?;
        let inner: Result<(), _> = conn.transaction(|conn| {
            pay(conn, 2, 99)?;
            Err(DieselError::RollbackTransaction)
        });
        assert_eq!(inner, Err(DieselError::RollbackTransaction));
        conn.transaction(|conn| pay(conn, 2, 1))
    })
    .unwrap();
    assert_eq!((balance(&database, 1), balance(&database, 2)), (110, 101));
}

#[test]
fn a_statement_that_commits_by_itself_is_noticed() {
    let database = accounts();
    let mut conn = open(&database);
    let error = conn
        .transaction::<_, DieselError, _>(|conn| {
            pay(conn, 1, 10)?;
            conn.batch("CREATE TABLE surprise (id INT)").unwrap();
            pay(conn, 2, 10)
        })
        .unwrap_err();
    assert_eq!(ServerError::find(&error).unwrap().sqlstate(), "25000");
    // What stood before the DDL is committed, which nobody can undo; what came after it was
    // refused.
    assert_eq!((balance(&database, 1), balance(&database, 2)), (110, 100));
}

#[test]
fn a_commit_whose_answer_is_lost_is_uncertain_and_one_that_was_refused_is_not() {
    let database = accounts();
    let proxy = server().proxy();
    for (rule, committed) in [
        (Rule::cut_after().containing("COMMIT"), true),
        (Rule::cut_before().containing("COMMIT"), false),
    ] {
        let before = balance(&database, 1);
        let config = Config::from_url(&database.url_through(&proxy)).unwrap();
        let mut conn = Connection::open(&config).unwrap();
        let armed = proxy.rule(rule);

        conn.begin("BEGIN").unwrap();
        pay(&mut conn, 1, 10).unwrap();
        let error = conn.commit("").unwrap_err();

        assert_eq!(armed.fired(), 1);
        assert_eq!(error.fault(), Fault::Uncertain, "{error}");
        assert!(conn.is_broken() && conn.phase() == Phase::CommitSent);
        if committed {
            assert_eq!(balance(&database, 1), before + 10);
        }
    }
    let mut conn = open(&database);
    conn.begin("BEGIN").unwrap();
    let error = conn.commit("INSERT INTO accounts VALUES (1, 0);").unwrap_err();
    assert_eq!((error.errno(), error.fault()), (Some(1062), Fault::Constraint));
    assert!(!conn.is_broken() && conn.phase() == Phase::Idle);
}

#[test]
fn a_deadlock_that_comes_among_rows_nobody_reads_is_told() {
    let database = accounts();
    let both_hold = Barrier::new(2);
    let lock_crosswise = |first: i32, second: i32| {
        let mut conn = open(&database);
        conn.begin("BEGIN").unwrap();
        pay(&mut conn, first, 1).unwrap();
        both_hold.wait();
        let sql = format!("SELECT * FROM accounts WHERE id = {second} FOR UPDATE");
        (diesel::sql_query(sql).execute(&mut conn), conn.commit(""))
    };
    let ends = thread::scope(|scope| {
        let one = scope.spawn(|| lock_crosswise(1, 2));
        let other = scope.spawn(|| lock_crosswise(2, 1));
        [one.join().unwrap(), other.join().unwrap()]
    });
    let mut victims = ends.iter().filter(|(read, _)| read.is_err());
    let (read, commit) = victims.next().unwrap();
    assert!(victims.next().is_none(), "{ends:?}");
    assert_eq!(ServerError::find(read.as_ref().unwrap_err()).unwrap().errno(), 1213);
    assert_eq!(commit.as_ref().unwrap_err().errno(), Some(1213));
    assert_eq!(balance(&database, 1) + balance(&database, 2), 201);
}

#[test]
fn what_fails_or_commits_behind_a_procedures_rows_is_told() {
    #[derive(QueryableByName, Debug)]
    struct One {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        id: i32,
    }
    let database = accounts();
    let mut conn = open(&database);
    let doubles =
        "CREATE PROCEDURE doubles() BEGIN SELECT 1 AS id; INSERT INTO accounts VALUES (1, 0); END";
    conn.batch(doubles).unwrap();
    conn.batch("CREATE PROCEDURE commits() BEGIN SELECT 1 AS id; COMMIT; END").unwrap();
    let executed = diesel::sql_query("CALL doubles()").execute(&mut conn).unwrap_err();
    assert_eq!(ServerError::find(&executed).unwrap().errno(), 1062);
    let loaded = diesel::sql_query("CALL doubles()").load::<One>(&mut conn).unwrap_err();
    assert_eq!(ServerError::find(&loaded).unwrap().errno(), 1062);

    conn.begin("BEGIN").unwrap();
    let row: One = diesel::sql_query("CALL commits()").get_result(&mut conn).unwrap();
    assert_eq!(row.id, 1);
    let refused = pay(&mut conn, 2, 50).unwrap_err();
    assert_eq!(ServerError::find(&refused).unwrap().sqlstate(), "25000");
    assert_eq!(balance(&database, 2), 100);
}

#[test]
fn a_transaction_ended_or_begun_by_name_inside_is_noticed() {
    let database = accounts();
    for sql in ["COMMIT AND CHAIN", "BEGIN", "START TRANSACTION"] {
        let mut conn = open(&database);
        conn.begin("BEGIN").unwrap();
        conn.batch(sql).unwrap();
        let refused = pay(&mut conn, 1, 50).unwrap_err();
        assert_eq!(ServerError::find(&refused).unwrap().sqlstate(), "25000", "{sql}");
        assert_eq!(conn.commit("").unwrap_err().sqlstate(), Some("25000"), "{sql}");
    }
    assert_eq!(balance(&database, 1), 100);
}

#[test]
fn ddl_that_fails_has_committed_what_was_open_and_says_so() {
    let database = accounts();
    let mut conn = open(&database);
    conn.begin("BEGIN").unwrap();
    pay(&mut conn, 1, 10).unwrap();
    let failure = conn.batch("CREATE TABLE accounts (id INT)").unwrap_err();
    assert_eq!(failure.source_error().errno(), 1050);
    // It cannot be run again, whatever the number: half of it is there.
    assert_eq!(conn.undone().map(ServerError::sqlstate), Some("25000"));
    assert_eq!(conn.commit("").unwrap_err().sqlstate(), Some("25000"));
    assert_eq!(balance(&database, 1), 110);
}

#[test]
fn a_commit_by_name_whose_answer_is_lost_is_in_doubt() {
    let database = accounts();
    let proxy = server().proxy();
    for by_call in [true, false] {
        let config = Config::from_url(&database.url_through(&proxy)).unwrap();
        let mut conn = Connection::open(&config).unwrap();
        conn.begin("BEGIN").unwrap();
        pay(&mut conn, 1, 10).unwrap();
        proxy.rule(Rule::cut_after().containing("COMMIT"));
        if by_call {
            conn.commit("").unwrap_err();
            assert_eq!(conn.first_error().map(ServerError::fault), Some(Fault::Uncertain));
        } else {
            assert_eq!(conn.batch("COMMIT").unwrap_err().fault(), Fault::Uncertain);
        }
        // Whoever looks for the reason must not read "run it again".
        assert_ne!(conn.undone().map(ServerError::fault), Some(Fault::Disconnected));
    }
    assert_eq!(balance(&database, 1), 120);
}

#[test]
fn a_begin_that_opens_nothing_is_refused() {
    let database = accounts();
    let mut conn = open(&database);
    let error = conn.begin("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error}");
    assert_eq!(conn.phase(), Phase::Idle);
}

#[test]
fn after_a_doubtful_commit_nothing_more_is_sent() {
    let database = accounts();
    let proxy = server().proxy();
    let config = Config::from_url(&database.url_through(&proxy)).unwrap();
    let mut conn = Connection::open(&config).unwrap();
    proxy.rule(Rule::cut_before().containing("COMMIT"));
    conn.begin("BEGIN").unwrap();
    pay(&mut conn, 1, 10).unwrap();
    assert_eq!(conn.commit("").unwrap_err().fault(), Fault::Uncertain);

    let before = proxy.packets().to_server();
    assert_eq!(conn.begin("BEGIN").unwrap_err().fault(), Fault::Disconnected);
    pay(&mut conn, 1, 10).unwrap_err();
    conn.batch("DO 1").unwrap_err();
    assert_eq!(proxy.packets().to_server(), before);
}

#[test]
fn outside_a_transaction_a_lost_answer_leaves_a_write_in_doubt_and_a_read_not() {
    let database = accounts();
    let proxy = server().proxy();
    let lose = |sql: &str, prepared: bool| {
        let config = Config::from_url(&database.url_through(&proxy)).unwrap();
        let mut conn = Connection::open(&config).unwrap();
        if prepared {
            let armed = proxy.rule(Rule::cut_after().command(Command::Execute));
            let error = diesel::sql_query(sql).execute(&mut conn).unwrap_err();
            assert_eq!(armed.fired(), 1);
            ServerError::find(&error).unwrap().fault()
        } else {
            let armed = proxy.rule(Rule::cut_after().command(Command::Query));
            let fault = conn.batch(sql).unwrap_err().fault();
            assert_eq!(armed.fired(), 1);
            fault
        }
    };
    for (prepared, total) in [(false, 7), (true, 8)] {
        let write = lose(&format!("UPDATE accounts SET balance = {total}"), prepared);
        let read = lose("SELECT * FROM accounts", prepared);
        assert_eq!((write, read), (Fault::Uncertain, Fault::Disconnected), "{prepared}");
        assert_eq!(balance(&database, 1), total, "it did happen");
    }
}

#[test]
fn a_killed_connection_is_broken_at_once_and_nothing_is_committed() {
    let database = accounts();
    let mut conn = open(&database);
    let error = conn
        .transaction::<_, DieselError, _>(|conn| {
            pay(conn, 1, 10)?;
            server().kill_connection(conn.thread_id()).unwrap();
            pay(conn, 2, 10)
        })
        .unwrap_err();
    let found = ServerError::find(&error).unwrap();
    assert_eq!(found.fault(), Fault::Disconnected, "{found}");
    assert!(conn.is_broken());
    assert_eq!((balance(&database, 1), balance(&database, 2)), (100, 100));
    assert!(conn.ping().is_err());
}

#[test]
fn a_commit_on_a_connection_known_to_be_lost_is_no_doubt() {
    let database = accounts();
    let mut conn = open(&database);
    conn.begin("BEGIN").unwrap();
    pay(&mut conn, 1, 10).unwrap();
    conn.interrupter().unwrap().shutdown();
    assert_eq!(conn.ping().unwrap_err().fault(), Fault::Disconnected);
    assert_eq!(conn.commit("").unwrap_err().fault(), Fault::Disconnected);
    assert_eq!(balance(&database, 1), 100);
}

#[test]
fn calls_out_of_place_are_refused() {
    let database = accounts();
    let mut conn = open(&database);
    assert!(matches!(conn.commit(""), Err(Error::Misuse(_))));
    assert!(matches!(conn.rollback(), Err(Error::Misuse(_))));
    conn.begin("START TRANSACTION READ ONLY").unwrap();
    assert!(matches!(conn.begin("BEGIN"), Err(Error::Misuse(_))));
    let error = pay(&mut conn, 1, 1).unwrap_err();
    assert!(matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)));
    conn.rollback().unwrap();
    assert!(!conn.in_transaction());
}

#[test]
fn a_test_transaction_leaves_nothing_behind() {
    let database = accounts();
    let mut conn = open(&database);
    conn.test_transaction::<_, DieselError, _>(|conn| pay(conn, 1, 1000));
    assert_eq!(balance(&database, 1), 100);
    conn.begin_test_transaction().unwrap();
    assert!(!diesel::r2d2::R2D2Connection::is_broken(&mut conn));
}

#[test]
fn a_failure_on_one_path_leaves_what_another_has_told_of_the_transaction() {
    let database = server().database();
    database.sql("CREATE TABLE t (n INT PRIMARY KEY)").unwrap();
    let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    drop(conn.query("START TRANSACTION").unwrap());
    drop(conn.query("INSERT INTO t VALUES (1)").unwrap());

    let prepared = diesel::sql_query("INSERT INTO t VALUES (1)").execute(&mut conn);
    assert_eq!(ServerError::find(&prepared.unwrap_err()).unwrap().errno(), 1062);
    assert!(conn.in_transaction(), "told by text, asked after a prepared statement");

    assert_eq!(conn.batch("COMMIT; START TRANSACTION").unwrap().len(), 2);
    assert_eq!(conn.query("INSERT INTO t VALUES (1)").unwrap_err().errno(), Some(1062));
    assert!(conn.in_transaction(), "told by a batch, asked after a text");
    conn.batch("COMMIT").unwrap();
    assert_eq!(conn.query("INSERT INTO t VALUES (1)").unwrap_err().errno(), Some(1062));
    assert!(!conn.in_transaction());
}

#[test]
fn a_reset_that_cannot_bring_the_settings_back_leaves_no_usable_connection() {
    let database = server().database();
    let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    database.sql(&format!("DROP DATABASE {}", database.name())).unwrap();
    conn.batch("DO 1").unwrap();

    assert_eq!(conn.reset().unwrap_err().errno(), Some(1049));
    assert!(conn.is_broken());
    assert_eq!(conn.ping().unwrap_err().errno(), Some(1049));
}

#[test]
fn a_statement_loaded_for_rows_that_it_does_not_give_may_have_ended_the_transaction() {
    let database = server().database();
    database.sql("CREATE TABLE t (n INT PRIMARY KEY)").unwrap();
    let mut conn = Connection::open(&Config::from_url(&database.url()).unwrap()).unwrap();
    let outcome = conn.transaction(|conn| {
        diesel::sql_query("INSERT INTO t VALUES (1)").execute(conn)?;
        let alter = diesel::dsl::sql::<diesel::sql_types::Integer>("ALTER TABLE t ADD m INT");
        alter.load::<i32>(conn).unwrap_err();
        diesel::sql_query("INSERT INTO t (n) VALUES (2)").execute(conn)
    });
    assert!(outcome.is_err(), "nothing may follow what ended the transaction");
    assert_eq!(database.sql("SELECT COUNT(*) FROM t").unwrap().trim(), "1");
}
