//! Ending, from another thread, what a connection waits for.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use steadfast_connection::{
    CancelHandle, Cancelled, Config, Connection, Error, Fault, Phase, ServerError, Streaming,
};
use steadfast_testkit::{Server, TestDatabase, eventually, server};

const SOON: Duration = Duration::from_secs(20);

diesel::table! {
    /// Rows to wait for.
    t (id) {
        /// Its number.
        id -> Integer,
        /// Anything.
        v -> Integer,
    }
}

fn config(database: &TestDatabase) -> Config {
    Config::from_url(&database.url()).unwrap()
}

fn with_table() -> (TestDatabase, Connection) {
    let database = server().database();
    let mut conn = Connection::open(&config(&database)).unwrap();
    conn.batch("CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO t VALUES (1, 1)")
        .unwrap();
    conn.batch(
        "CREATE TABLE n (id INT PRIMARY KEY); INSERT INTO n WITH RECURSIVE s (id) AS \
         (SELECT 1 UNION ALL SELECT id + 1 FROM s WHERE id < 1000) SELECT id FROM s",
    )
    .unwrap();
    (database, conn)
}

type Case<'a> = &'a dyn Fn(&mut Connection) -> u32;

/// Cuts the connection if the test stops: what was to be cancelled would run for hours.
struct CutOnPanic<'a>(&'a CancelHandle);

impl Drop for CutOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.cut();
        }
    }
}

/// Asks until the call has returned: one that has only just been sent may be missed.
fn cancel_what_runs(handle: &CancelHandle, returned: &AtomicBool) {
    let _on_panic = CutOnPanic(handle);
    eventually(SOON, || {
        handle.cancel().unwrap();
        returned.load(Ordering::SeqCst)
    });
}

/// What `run` gives while it is cancelled.
fn cancelled<T>(
    handle: &CancelHandle,
    conn: &mut Connection,
    run: impl FnOnce(&mut Connection) -> T,
) -> T {
    let returned = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| cancel_what_runs(handle, &returned));
        let outcome = run(conn);
        returned.store(true, Ordering::SeqCst);
        outcome
    })
}

fn errno<T: std::fmt::Debug>(outcome: QueryResult<T>) -> u32 {
    ServerError::find(&outcome.unwrap_err()).unwrap().errno()
}

#[test]
fn a_statement_is_ended_wherever_it_waits_and_the_connection_goes_on() {
    let (database, mut conn) = with_table();
    let mut other = Connection::open(&config(&database)).unwrap();
    other.begin("BEGIN").unwrap();
    other.batch("UPDATE t SET v = 2").unwrap();
    let handle = conn.cancel_handle().unwrap();
    let many = "SELECT COUNT(*) FROM n a, n b, n c, n d WHERE a.id + b.id > c.id + d.id";
    let cases: [(&str, Case<'_>); 4] = [
        ("prepared, on a row lock", &|conn| {
            errno(diesel::update(t::table).set(t::v.eq(3)).execute(conn))
        }),
        ("in a batch", &|conn| {
            conn.batch(&format!("DO 1; {many}")).unwrap_err().source_error().errno()
        }),
        ("prepared, computing", &|conn| errno(diesel::sql_query(many).execute(conn))),
        ("raw", &|conn| match conn.query(many) {
            Ok(mut rows) => rows.next().unwrap_err().errno().unwrap(),
            Err(error) => error.errno().unwrap(),
        }),
    ];
    for (case, run) in cases {
        let found = cancelled(&handle, &mut conn, run);
        assert_eq!((found, conn.is_broken()), (1317, false), "{case}");
        assert_eq!(t::table.count().first(&mut conn), Ok(1_i64), "{case}");
    }
    assert_eq!(handle.cancel().unwrap(), Cancelled::NothingRan);
}

#[test]
fn a_stream_is_running_until_its_last_row() {
    let (_database, mut conn) = with_table();
    let handle = conn.cancel_handle().unwrap();
    let long = "SELECT a.id, b.id FROM n a, n b";
    let long = diesel::dsl::sql::<(diesel::sql_types::Integer, diesel::sql_types::Integer)>(long);
    let mut stream = long.load_iter::<(i32, i32), Streaming>(&mut conn).unwrap();
    stream.next().unwrap().unwrap();
    assert_eq!(handle.cancel().unwrap(), Cancelled::Asked);
    let error = stream.find_map(Result::err).unwrap();
    assert_eq!(ServerError::find(&error).unwrap().errno(), 1317);
    drop(stream);

    let mut rows = conn.query("SELECT a.id, b.id FROM n a, n b").unwrap();
    rows.next().unwrap();
    assert_eq!(handle.cancel().unwrap(), Cancelled::Asked);
    let error = loop {
        match rows.next() {
            Ok(row) => assert!(row.is_some(), "it ended before it was cancelled"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.errno(), Some(1317));
    drop(rows);
    assert_eq!(handle.cancel().unwrap(), Cancelled::NothingRan);
    assert_eq!(t::table.count().first(&mut conn), Ok(1_i64));
}

#[test]
fn a_cancelled_statement_leaves_the_transaction_open() {
    let (_database, mut conn) = with_table();
    let handle = conn.cancel_handle().unwrap();
    conn.begin("BEGIN").unwrap();
    conn.batch("INSERT INTO t VALUES (2, 2)").unwrap();
    let error = cancelled(&handle, &mut conn, |conn| {
        conn.batch("SELECT 1 FROM t WHERE SLEEP(60)").unwrap_err()
    });
    assert_eq!((error.source_error().errno(), error.fault()), (1317, Fault::Permanent));
    assert_eq!((conn.phase(), conn.undone().is_none()), (Phase::Open, true));
    conn.commit("").unwrap();
    assert_eq!(t::table.count().first(&mut conn), Ok(2_i64));
}

#[test]
fn a_killed_connection_is_broken_and_its_transaction_undone() {
    let (database, mut conn) = with_table();
    let handle = conn.cancel_handle().unwrap();
    conn.begin("BEGIN").unwrap();
    conn.batch("INSERT INTO t VALUES (2, 2)").unwrap();
    let id = conn.thread_id();
    let sleeping = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND info LIKE '%SLEEP%'"
    );
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            let _on_panic = CutOnPanic(&handle);
            eventually(SOON, || database.sql(&sleeping).unwrap().trim() == "1");
            assert_eq!(handle.kill().unwrap(), Cancelled::Asked);
        });
        conn.batch("SELECT 1 FROM t WHERE SLEEP(60)").unwrap_err()
    });
    assert!(error.source_error().is_disconnect(), "{error}");
    assert!(conn.is_broken());
    let mut conn = Connection::open(&config(&database)).unwrap();
    assert_eq!(t::table.count().first(&mut conn), Ok(1_i64));
    // It is gone from the server's list: another may get its number.
    eventually(SOON, || matches!(handle.kill(), Err(Error::Misuse(_))));
}

#[test]
fn a_frozen_server_is_left_by_cutting_and_a_cancel_gives_up_in_its_time() {
    let server = Server::start().unwrap();
    let database = server.database();
    let config = config(&database).connect_timeout(Duration::from_secs(1));
    let mut conn = Connection::open(&config).unwrap();
    let handle = conn.cancel_handle().unwrap();
    server.pause().unwrap();
    let (error, asked, took) = thread::scope(|scope| {
        let cancelling = scope.spawn(|| {
            let _on_panic = CutOnPanic(&handle);
            let started = Instant::now();
            let mut asked = Ok(Cancelled::NothingRan);
            eventually(SOON, || {
                asked = handle.cancel();
                !matches!(asked, Ok(Cancelled::NothingRan))
            });
            let took = started.elapsed();
            handle.cut();
            (asked, took)
        });
        let error = conn.batch("SELECT 1").unwrap_err();
        let (asked, took) = cancelling.join().unwrap();
        (error, asked, took)
    });
    server.resume().unwrap();
    assert!(matches!(asked, Err(Error::Connect { .. })), "{asked:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(error.source_error().is_disconnect(), "{error}");
    assert!(conn.is_broken());
}

#[test]
fn a_handle_ends_with_the_session_it_was_made_in() {
    let (_database, mut conn) = with_table();
    let handle = conn.cancel_handle().unwrap();
    assert!(conn.state_touched(), "a pool resets it when it is given back");
    conn.reset().unwrap();
    assert_eq!(handle.kill().unwrap(), Cancelled::NothingRan);
    handle.cut();
    thread::scope(|scope| {
        let asked = scope.spawn(|| handle.cancel().unwrap());
        conn.batch("SELECT SLEEP(0.05)").unwrap();
        assert_eq!(asked.join().unwrap(), Cancelled::NothingRan);
    });
    let again = conn.cancel_handle().unwrap();
    drop(conn);
    assert_eq!(again.kill().unwrap(), Cancelled::NothingRan);
    again.cut();
}

/// Leads each connection to the port that is the address's at that moment, as a name or a balancer
/// may.
fn moving_address(target: &'static AtomicU16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for near in listener.incoming() {
            let near = near.unwrap();
            let far = TcpStream::connect_timeout(
                &([127, 0, 0, 1], target.load(Ordering::SeqCst)).into(),
                SOON,
            )
            .unwrap();
            for (mut from, mut to) in
                [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)]
            {
                thread::spawn(move || {
                    let copied = io::copy(&mut from, &mut to);
                    to.shutdown(Shutdown::Both).and(copied)
                });
            }
        }
    });
    port
}

#[test]
fn a_stranger_with_the_same_number_is_left_alone() {
    static TARGET: AtomicU16 = AtomicU16::new(0);
    let (ours, theirs) = (Server::start().unwrap(), Server::start().unwrap());
    let address = Config::new().port(moving_address(&TARGET));
    TARGET.store(ours.port(), Ordering::SeqCst);
    let open_theirs = || Connection::open(&Config::from_url(&theirs.url("")).unwrap()).unwrap();
    let mut stranger = open_theirs();
    let mut conn = Connection::open(&address).unwrap();
    while conn.thread_id() < stranger.thread_id() + 3 {
        conn = Connection::open(&address).unwrap();
    }
    while stranger.thread_id() < conn.thread_id() {
        stranger = open_theirs();
    }
    assert_eq!(stranger.thread_id(), conn.thread_id());
    let handle = conn.cancel_handle().unwrap();

    TARGET.store(theirs.port(), Ordering::SeqCst);

    let refused = handle.kill().unwrap_err();
    assert!(matches!(refused, Error::Misuse(_)), "{refused}");
    stranger.ping().unwrap();
    conn.ping().unwrap();
    TARGET.store(ours.port(), Ordering::SeqCst);
    assert_eq!(handle.kill().unwrap(), Cancelled::Asked);
    conn.ping().unwrap_err();
}

#[test]
fn with_no_connection_left_a_cancel_says_so() {
    let server = Server::with(&["--max-connections=10"]).unwrap();
    let database = server.database();
    let account = "CREATE USER shop@'%'; GRANT SELECT ON *.* TO shop@'%'";
    Connection::open(&config(&database)).unwrap().batch(account).unwrap();
    let config = config(&database).user("shop");
    let mut conn = Connection::open(&config).unwrap();
    let handle = conn.cancel_handle().unwrap();
    let mut others = Vec::new();
    while let Ok(other) = Connection::open(&config) {
        others.push(other);
    }
    let refused = thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let _on_panic = CutOnPanic(&handle);
            let mut asked = Ok(Cancelled::NothingRan);
            eventually(SOON, || {
                asked = handle.cancel();
                asked.as_ref().is_err_and(|error| error.errno() == Some(1040))
            });
            handle.cut();
            asked.unwrap_err()
        });
        conn.batch("SELECT SLEEP(60)").unwrap_err();
        asked.join().unwrap()
    });
    assert_eq!((refused.errno(), refused.fault()), (Some(1040), Fault::Busy));
}
