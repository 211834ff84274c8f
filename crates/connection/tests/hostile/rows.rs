//! Results that lie about themselves: counts, columns, lengths, values.

use std::io;

use steadfast_testkit::{Talk, packet};

use crate::attacks::Harm;
use crate::calls::{CALLS, Call};
use crate::scene::{Scene, attacked, play_all};

/// Where the three parts of the server's result lie: the count, the columns, the rows.
const COLUMNS: usize = 7;
const FIRST_ROW: usize = COLUMNS + 2;

/// Changes the packets of a result: of `COM_QUERY` or of `COM_STMT_EXECUTE`.
type Change = Box<dyn Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>> + Send + Sync>;

/// The same, in place.
type Lie = fn(&mut Vec<Vec<u8>>);

/// Plays `change` on the result of each call that reads one, in its own form.
fn on_results(scenes: &mut Vec<Scene>, name: &str, change: Lie) {
    on_results_with(scenes, name, || boxed(change));
}

fn boxed(change: impl Fn(&mut Vec<Vec<u8>>) + Send + Sync + 'static) -> Change {
    Box::new(move |mut packets| {
        change(&mut packets);
        packets
    })
}

fn on_results_with(scenes: &mut Vec<Scene>, name: &str, change: impl Fn() -> Change) {
    for call in &CALLS {
        let point = match call.name {
            "load" | "load spans" | "stream" | "dropped stream" => 1,
            "raw rows" | "batch" => 0,
            _ => continue,
        };
        scenes.push(on_packets(format!("{name}, {}", call.name), point, change(), call));
    }
}

fn on_packets(name: String, point: usize, change: Change, call: &Call) -> Scene {
    let (run, is_text) = (call.run, call.text.contains(&point));
    let harm = match name.split(',').next() {
        // libmariadb goes on behind it.
        Some("an error among the columns") if is_text => Harm::More,
        // Its rows have no form that could be wrong.
        _ if is_text => Harm::Believable,
        Some("an EOF in the middle of the rows") => Harm::Leaving,
        _ => Harm::Odd,
    };
    let change = std::sync::Arc::new(change);
    let play = move || {
        let change = std::sync::Arc::clone(&change);
        let on = move |talk: &mut Talk, nth, request: &[u8]| -> io::Result<bool> {
            if nth != point {
                return Ok(false);
            }
            let honest = talk.honest(request);
            // The batch's first answer is not the one with rows.
            let skipped = usize::from(honest.len() > 13);
            let changed = change(honest[skipped..].to_vec());
            talk.send(&[&honest[..skipped], &changed[..]].concat())?;
            Ok(true)
        };
        attacked(on, harm, run)
    };
    Scene { name, play: Box::new(play) }
}

#[test]
fn results_that_lie_about_their_columns_are_survived() {
    let mut scenes = Vec::new();
    let all = &mut scenes;
    on_results(all, "one column more than told", |packets| packets[0] = vec![6]);
    on_results(all, "one column less than told", |packets| packets[0] = vec![8]);
    on_results(all, "250 columns", |packets| packets[0] = vec![250]);
    on_results(all, "65,535 columns", |packets| packets[0] = packet::length(0xffff));
    on_results(all, "16 million columns", |packets| packets[0] = packet::length(0xff_ffff));
    on_results(all, "4 billion columns", |packets| packets[0] = packet::length(0xffff_ffff));
    on_results(all, "2^63 columns", |packets| packets[0] = packet::length(1 << 63));
    on_results(all, "2^64 - 1 columns", |packets| packets[0] = packet::length(u64::MAX));
    on_results(all, "a count that is cut", |packets| packets[0] = vec![0xfd, 1]);
    on_results(all, "a count with bytes after it", |packets| packets[0] = vec![7; 9]);
    on_results(all, "no columns", |packets| drop(packets.drain(1..FIRST_ROW)));
    on_results(all, "no end of the columns", |packets| drop(packets.remove(FIRST_ROW - 1)));
    on_results(all, "an error among the columns", |packets| {
        packets[3] = packet::err(1105, "HY000", "among columns");
    });
    on_results(all, "an empty column", |packets| packets[1] = Vec::new());
    on_results(all, "a column of one byte", |packets| packets[1] = vec![3]);
    on_results(all, "a column of zeros", |packets| packets[1] = vec![0; 60]);
    on_results(all, "a column of 0xfb", |packets| packets[1] = vec![0xfb; 60]);
    on_results(all, "a column that ends early", |packets| {
        let length = packets[2].len();
        packets[2].truncate(length - 9);
    });
    on_results(all, "a name beyond the packet", |packets| {
        packets[1] = [&b"\x03def\x04shop\x01t\x01t\xfd\xff\xff\x7fid"[..], &[0; 20]].concat();
    });
    on_results(all, "a name of 2^64 - 1 bytes", |packets| {
        packets[1] = [&b"\x03def\x04shop\x01t\x01t\xfe"[..], &[0xff; 8], b"id", &[0; 20]].concat();
    });
    on_results(all, "a name of 1 MB", |packets| {
        packets[1] = packet::column(&vec![b'n'; 1 << 20], packet::kind::LONGLONG);
    });
    on_results(all, "fixed fields that are short", |packets| {
        let place = packets[1].len() - 13;
        packets[1][place] = 3;
    });
    for kind in 0..=255 {
        let change = move || -> Change {
            Box::new(move |mut packets| {
                for column in &mut packets[1..=COLUMNS] {
                    let place = column.len() - 6;
                    column[place] = kind;
                }
                packets
            })
        };
        on_results_with(all, &format!("all columns of type {kind}"), change);
    }
    play_all(&scenes);
}

#[test]
fn rows_that_lie_about_their_values_are_survived() {
    let mut scenes = Vec::new();
    let all = &mut scenes;
    on_results(all, "an empty row", |packets| packets[FIRST_ROW] = Vec::new());
    on_results(all, "a row of one byte", |packets| packets[FIRST_ROW] = vec![0]);
    on_results(all, "a row of 0xfb", |packets| packets[FIRST_ROW] = vec![0xfb; 3]);
    on_results(all, "a row of 100 bytes 0xfe", |packets| packets[FIRST_ROW] = vec![0xfe; 100]);
    on_results(all, "a row of 9 bytes 0xfe", |packets| packets[FIRST_ROW] = vec![0xfe; 9]);
    on_results(all, "a row without bits for NULL", |packets| {
        packets[FIRST_ROW] = [&[0][..], &packets[FIRST_ROW][3..]].concat();
    });
    on_results(all, "a row with NULL everywhere", |packets| packets[FIRST_ROW] = vec![0, 255, 255]);
    on_results(all, "bits for NULL beyond the columns", |packets| packets[FIRST_ROW][2] |= 0xfe);
    on_results(all, "an error in the middle of the rows", |packets| {
        packets[FIRST_ROW + 1] = packet::err(1213, "40001", "deadlock");
    });
    on_results(all, "an error without a text in the rows", |packets| {
        packets[FIRST_ROW + 1] = vec![0xff];
    });
    on_results(all, "an OK in the middle of the rows", |packets| {
        packets[FIRST_ROW + 1] = packet::ok(packet::AUTOCOMMIT);
    });
    on_results(all, "an EOF in the middle of the rows", |packets| {
        packets[FIRST_ROW + 1] = packet::eof(packet::AUTOCOMMIT);
    });
    on_results(all, "an EOF that is cut", |packets| *packets.last_mut().unwrap() = vec![0xfe]);
    on_results(all, "an EOF of two bytes", |packets| *packets.last_mut().unwrap() = vec![0xfe, 0]);
    on_results(all, "an EOF that promises more", |packets| {
        *packets.last_mut().unwrap() = packet::eof(packet::MORE_RESULTS);
        packets.push(packet::eof(0));
    });
    on_results(all, "the text form for the binary one", |packets| {
        packets[FIRST_ROW] = packet::text_row(&[Some(&b"1"[..]); COLUMNS]);
    });
    on_results(all, "the binary form for the text one", |packets| {
        packets[FIRST_ROW] = packet::binary_row(&vec![Some(vec![1]); COLUMNS]);
    });
    on_results(all, "a text beyond the packet", |packets| packets[FIRST_ROW][11] = 250);
    on_results(all, "a row of 1 MB", |packets| packets[FIRST_ROW].resize(1 << 20, 0x41));
    play_all(&scenes);
}

#[test]
fn rows_that_end_early_or_hold_times_of_any_length_are_survived() {
    let mut scenes = Vec::new();
    for length in 0..45 {
        let change = move |packets: &mut Vec<Vec<u8>>| packets[FIRST_ROW].truncate(length);
        on_results_with(&mut scenes, &format!("a row cut after {length} bytes"), || boxed(change));
    }
    // The lengths of DATETIME, TIME and DATE in the binary row, and what lies behind them.
    for (place, of) in [(17, "datetime"), (29, "time"), (38, "date")] {
        for length in (0..=13).chain([64, 127, 128, 250, 251, 252, 253, 254, 255]) {
            let name = format!("a {of} of {length} bytes");
            let change = move |packets: &mut Vec<Vec<u8>>| packets[FIRST_ROW][place] = length;
            on_results_with(&mut scenes, &name, || boxed(change));
            let filled = move |packets: &mut Vec<Vec<u8>>| {
                packets[FIRST_ROW][place + 1..].fill(0xff);
                packets[FIRST_ROW][place] = length;
            };
            on_results_with(&mut scenes, &format!("{name}, then 0xff"), || boxed(filled));
        }
    }
    play_all(&scenes);
}

#[test]
fn a_prepared_statement_that_lies_about_itself_is_survived() {
    let lies: [(&str, Lie); 14] = [
        ("id 0", |packets| packets[0] = packet::prepared(0, 7, 1)),
        ("id -1", |packets| packets[0] = packet::prepared(u32::MAX, 7, 1)),
        ("no parameter", |packets| packets[0] = packet::prepared(1, 7, 0)),
        ("two parameters", |packets| packets[0] = packet::prepared(1, 7, 2)),
        ("65,535 parameters", |packets| packets[0] = packet::prepared(1, 7, 0xffff)),
        ("no column", |packets| packets[0] = packet::prepared(1, 0, 1)),
        ("one column", |packets| packets[0] = packet::prepared(1, 1, 1)),
        ("8 columns", |packets| packets[0] = packet::prepared(1, 8, 1)),
        ("65,535 columns", |packets| packets[0] = packet::prepared(1, 0xffff, 1)),
        ("a first packet that is cut", |packets| packets[0].truncate(6)),
        ("a first packet of one byte", |packets| packets[0].truncate(1)),
        ("a parameter of one byte", |packets| packets[1] = vec![0]),
        ("a column of one byte", |packets| packets[4] = vec![3]),
        ("an error among the columns", |packets| {
            packets[5] = packet::err(1105, "HY000", "among columns");
        }),
    ];
    let mut scenes = Vec::new();
    for (name, lie) in lies {
        for call in CALLS.iter().filter(|call| call.name.contains("load") || call.name == "stream")
        {
            scenes.push(on_packets(format!("{name}, {}", call.name), 0, boxed(lie), call));
        }
    }
    // More and fewer columns at the execution than when it was prepared, honest in themselves.
    for (name, count) in [("fewer columns", 1_usize), ("more columns", 40)] {
        let change = move || -> Change {
            Box::new(move |_| {
                let mut packets = vec![packet::length(count as u64)];
                packets.extend((0..count).map(|_| packet::column(b"id", packet::kind::LONGLONG)));
                packets.push(packet::eof(2));
                packets.push(packet::binary_row(&vec![Some(vec![1; 8]); count]));
                packets.push(packet::eof(2));
                packets
            })
        };
        on_results_with(&mut scenes, name, change);
    }
    play_all(&scenes);
}

#[test]
fn changes_of_state_that_make_no_sense_are_survived() {
    let changes: [(&'static str, &'static [u8]); 12] = [
        ("none", b""),
        ("a type alone", &[0]),
        ("a length beyond the packet", &[0, 200, 1]),
        ("a length of 2^64 - 1", &[0, 0xfe, 255, 255, 255, 255, 255, 255, 255, 255]),
        ("a variable without a value", &[0, 4, 3, b'a', b'b', b'c']),
        ("a variable with lengths that lie", &[0, 4, 200, b'a', b'b', b'c']),
        ("a schema that lies", &[1, 2, 250, b'x']),
        ("a schema of no length", &[1, 0]),
        ("a state that lies", &[2, 2, 250, b'1']),
        ("an unknown type", &[99, 3, 1, 2, 3]),
        ("NULL as length", &[0, 0xfb, 0xfb]),
        ("a character set that does not exist", b"\0\x20\x14character_set_client\x0anosuchset!"),
    ];
    let mut scenes = Vec::new();
    for (name, bytes) in changes {
        for call in &CALLS {
            let spoil = move |packets: Vec<Vec<u8>>| {
                let mut packets = packets;
                *packets.last_mut().unwrap() = packet::ok_with_state(bytes);
                packets
            };
            let name = format!("{name}, {}", call.name);
            scenes.push(on_packets(name, call.requests - 1, Box::new(spoil), call));
        }
    }
    play_all(&scenes);
}
