//! A private server to try things on: starts it, prints how to reach it, and obeys the lines typed in.
//!
//! `pause`, `resume`, `kill`, `stop` and `restart` are the server's faults; `fail` ends the program as a
//! test that fails, to see what that leaves; the end of the input ends program and server.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::panic, reason = "a program for the terminal")]

use std::error::Error;
use std::io::stdin;

use steadfast_testkit::server;

fn main() -> Result<(), Box<dyn Error>> {
    let server = server();
    println!("{}", server.url(""));
    println!("{}", server.socket_url(""));
    println!("process {}", server.pid().unwrap_or_default());
    for line in stdin().lines() {
        match line?.trim() {
            "pause" => server.pause()?,
            "resume" => server.resume()?,
            "kill" => server.kill()?,
            "stop" => server.stop()?,
            "restart" => server.restart()?,
            "fail" => {
                let _database = server.database();
                panic!("as a failing test does");
            }
            _ => {
                println!(
                    "pause, resume, kill, stop, restart or fail; the end of the input ends all"
                );
                continue;
            }
        }
        println!("done; process {}", server.pid().unwrap_or_default());
    }
    Ok(())
}
