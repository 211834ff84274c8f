//! Statements as text: what goes in by parameter comes out by name and number.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use diesel::result::Error::NotFound;
use given::Bank;
use steadfast_session::{Error, Value};

#[test]
fn every_kind_of_value_goes_in_and_comes_out() {
    let bank = Bank::new();
    bank.sql(
        "CREATE TABLE thing (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, big BIGINT, \
         positive BIGINT UNSIGNED, ratio DOUBLE, flag BOOLEAN, name VARCHAR(50), data BLOB, \
         price DECIMAL(10,2), day DATE, moment DATETIME(6), span TIME, kind ENUM('a','b'))",
    );
    let mut session = bank.sessions.open().unwrap();
    let values = vec![
        Value::from(i64::MIN),
        Value::from(u64::MAX),
        Value::from(0.25),
        Value::from(true),
        Value::from("naïve'; DROP TABLE thing; --"),
        Value::from([0, 255, 39]),
        Value::from("12.50"),
        Value::from("2026-11-24"),
        Value::from("2026-11-24 09:30:00.250000"),
        Value::from("25:00:01"),
        Value::from("b"),
    ];
    let insert = "INSERT INTO thing (big, positive, ratio, flag, name, data, price, day, moment, \
                  span, kind) VALUES (?,?,?,?,?,?,?,?,?,?,?)";

    assert_eq!(session.raw().execute(insert, values.clone()).unwrap(), 1);
    assert_eq!(session.last_insert_id(), 1);

    let rows = session.raw().rows("SELECT * FROM thing WHERE id = ?", [1_u32]).unwrap();
    let row = &rows[0];
    assert_eq!(row.columns()[..3], ["id", "big", "positive"]);
    assert_eq!(row.value("id"), Some(&Value::UInt(1)));
    // A server has no booleans.
    let told: Vec<_> = row.values()[1..].to_vec();
    let mut expected = values;
    expected[3] = Value::Int(1);
    assert_eq!(told, expected);
    assert!(row.get::<bool>("flag").unwrap());
    assert_eq!(row.get::<u32>(0).unwrap(), 1);
    let name = row.get::<Option<String>>("name").unwrap().unwrap();
    assert!(name.starts_with("naïve'; DROP"), "{name}");
}

#[test]
fn null_goes_in_and_comes_out() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    let row = session.raw().rows("SELECT ? AS a, ? IS NULL AS b", (None::<i64>, None::<&str>));
    let row = &row.unwrap()[0];
    assert_eq!(row.get::<Option<i64>>("a").unwrap(), None);
    assert!(row.get::<bool>("b").unwrap());
}

#[test]
fn one_value_is_asked_for_by_its_type() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    let mut raw = session.raw();

    let sum: i64 = raw.value("SELECT SUM(cents) FROM account", ()).unwrap();
    assert_eq!(sum, 2000);
    let none = raw.value::<i64>("SELECT cents FROM account WHERE id = ?", [99]);
    assert!(matches!(none, Err(Error::Diesel(NotFound))), "{none:?}");
    let wrong = raw.value::<i64>("SELECT 'seven' AS number", ());
    assert!(matches!(wrong, Err(Error::Decode { .. })), "{wrong:?}");
    let missing = raw.rows("SELECT 1 AS a", ()).unwrap()[0].get::<i64>("b").unwrap_err();
    assert_eq!(missing.to_string(), "there is no column \"b\"");
}

#[test]
fn a_stream_comes_row_by_row_and_ends_when_told() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    let mut sum = 0;

    let count = session.raw().stream(
        &format!("SELECT seq FROM {}", steadfast_testkit::series(1, 10_000)),
        (),
        |row| {
            sum += row.get::<u64>("seq")?;
            Ok::<_, Error>(())
        },
    );
    assert_eq!((count.unwrap(), sum), (10_000, 50_005_000));

    let ended = session.raw().stream(
        &format!("SELECT seq FROM {}", steadfast_testkit::series(1, 500)),
        (),
        |_| Err(Error::Closed),
    );
    assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
    assert_eq!(session.raw().value::<i64>("SELECT 1", ()).unwrap(), 1);
}

#[test]
fn a_statement_that_gives_no_rows_or_is_wrong_is_an_error_with_its_number() {
    let bank = Bank::new();
    let mut session = bank.sessions.open().unwrap();
    let mut raw = session.raw();
    let wrong = raw.execute("NONSENSE", ()).unwrap_err();
    assert_eq!((wrong.errno(), wrong.sqlstate()), (Some(1064), Some("42000")));
    let none = raw.rows("UPDATE account SET cents = 0 WHERE id = ?", [99]).unwrap_err();
    assert!(matches!(none, Error::Diesel(_)), "{none}");
    let few = raw.execute("UPDATE account SET cents = ? WHERE id = ?", [1]);
    assert!(few.is_err(), "{few:?}");
}
