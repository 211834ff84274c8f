//! Nothing is sent that need not be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

mod given;

use diesel::prelude::*;
use given::Bank;
use schema::account;
use steadfast_session::{Access, Isolation, TxOptions};
use steadfast_testkit::server;

mod schema {
    #![allow(missing_docs, reason = "the macro makes them")]
    diesel::table! {
        account (id) {
            id -> Integer,
            cents -> BigInt,
        }
    }
}

#[test]
fn a_transaction_of_one_statement_takes_three_packets() {
    let proxy = server().proxy();
    let bank = Bank::through(&proxy);
    let isolated = TxOptions::new().isolation(Isolation::Serializable);
    let read_only = isolated.clone().access(Access::ReadOnly);
    let one = |options: &TxOptions| {
        let read = bank.sessions.transaction_with(options, |tx| {
            account::table.find(1).select(account::cents).first::<i64>(tx)
        });
        assert_eq!(read.unwrap(), 1000);
    };
    // Connects and prepares.
    one(&TxOptions::new());
    for options in [&TxOptions::new(), &isolated, &read_only] {
        let before = proxy.packets().to_server();
        for _ in 0..10 {
            one(options);
        }
        assert_eq!(proxy.packets().to_server() - before, 30, "{options:?}");
    }
}
