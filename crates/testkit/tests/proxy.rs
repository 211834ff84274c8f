//! The proxy makes each fault of a network, at the packet it was asked for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop"
)]

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{self, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use steadfast_testkit::{
    Command, Direction, Error, Proxy, Rule, Server, TestDatabase, eventually, series, server,
};

const TEN_SECONDS: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(100);

/// `CR_SERVER_LOST`.
const LOST: Option<u32> = Some(2013);

/// A database with an empty table, a proxy before its server, and a client that goes through it.
struct Scene {
    database: TestDatabase,
    proxy: Proxy,
    client: Server,
}

impl Scene {
    fn new() -> Self {
        let database = server().database();
        database.sql("CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB").unwrap();
        let proxy = server().proxy();
        let client = Server::external(&database.url_through(&proxy)).unwrap();
        Self { database, proxy, client }
    }

    fn sql(&self, text: &str) -> Result<String, Error> {
        self.client.sql(self.database.name(), text)
    }

    fn rows(&self) -> String {
        self.database.sql("SELECT COUNT(*) FROM t").unwrap()
    }

    /// A plain connection that has read the server's greeting.
    fn greeted(&self) -> TcpStream {
        let mut stream = connect(&self.proxy);
        let mut header = [0; 4];
        stream.read_exact(&mut header).unwrap();
        let mut greeting = vec![0; usize::from(header[0])];
        stream.read_exact(&mut greeting).unwrap();
        stream
    }
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect_timeout(&proxy.addr(), TEN_SECONDS).unwrap();
    stream.set_read_timeout(Some(TEN_SECONDS)).unwrap();
    stream
}

fn is_silent(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(SHORT)).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_read_timeout(Some(TEN_SECONDS)).unwrap();
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn without_a_rule_everything_passes() {
    let scene = Scene::new();
    let text = "x".repeat(3_000_000);
    let sum = scene.sql(&format!("SELECT LENGTH('{text}'), REPEAT('y', 2000000)")).unwrap();
    assert_eq!(sum.len(), "3000000\t".len() + 2_000_000);
    eventually(TEN_SECONDS, || scene.proxy.open() == 0);
}

#[test]
fn packets_and_commands_are_counted() {
    let scene = Scene::new();
    scene.sql("SELECT 1; SELECT 2; SELECT 3").unwrap();
    eventually(TEN_SECONDS, || scene.proxy.open() == 0);
    let commands = scene.proxy.commands();
    assert_eq!(commands[&Command::Query], 3, "{commands:?}");
    assert_eq!(commands[&Command::Quit], 1, "{commands:?}");
    let packets = scene.proxy.packets();
    assert_eq!(packets.to_server(), 5, "the handshake's answer, three queries, the goodbye");
    // Greeting and OK; for each query column count, column, end of columns, row, end of rows.
    assert_eq!(packets.to_client(), 2 + 3 * 5);
    scene.sql("SELECT 1").unwrap();
    eventually(TEN_SECONDS, || scene.proxy.open() == 0);
    let connections = scene.proxy.connections();
    assert_eq!(connections.iter().map(|c| c.to_server()).collect::<Vec<_>>(), [5, 3]);
}

#[test]
fn a_request_cut_before_never_reaches_the_server() {
    let scene = Scene::new();
    let cut = scene.proxy.rule(Rule::cut_before().containing("insert"));
    assert_eq!(scene.sql("INSERT INTO t VALUES (1)").unwrap_err().errno(), LOST);
    assert_eq!((cut.fired(), cut.seen()), (1, 1));
    eventually(TEN_SECONDS, || scene.proxy.open() == 0);
    assert_eq!(scene.rows(), "0");
    scene.sql("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(scene.rows(), "1", "the rule strikes once");
}

#[test]
fn a_request_cut_after_is_done_when_the_client_notices() {
    let scene = Scene::new();
    let cut = scene.proxy.rule(Rule::cut_after().command(Command::Query).containing("INSERT"));
    assert_eq!(scene.sql("INSERT INTO t VALUES (1)").unwrap_err().errno(), LOST);
    assert_eq!(scene.rows(), "1");
    assert_eq!(cut.fired(), 1);
}

#[test]
fn a_lost_commit_and_a_lost_answer_to_one_differ_on_the_server_alone() {
    let scene = Scene::new();
    let transfer = "BEGIN; INSERT INTO t VALUES (1); COMMIT";
    scene.proxy.rule(Rule::cut_before().containing("COMMIT"));
    assert_eq!(scene.sql(transfer).unwrap_err().errno(), LOST);
    // The server rolls back when it notices, and frees the key's lock.
    assert_eq!(scene.rows(), "0");
    scene.proxy.rule(Rule::cut_after().containing("COMMIT"));
    assert_eq!(scene.sql(transfer).unwrap_err().errno(), LOST);
    assert_eq!(scene.rows(), "1");
}

#[test]
fn a_client_cut_off_under_way_leaves_the_server_at_work() {
    let scene = Scene::new();
    let lock = scene.database.name();
    let cut = scene.proxy.rule(Rule::cut_under_way().containing("INSERT"));
    thread::scope(|scope| {
        let holder = format!("DO GET_LOCK('{lock}', 0); DO SLEEP(60)");
        let holder = scope.spawn(|| scene.database.sql(&{ holder }));
        let holder_id = format!("SELECT COALESCE(IS_USED_LOCK('{lock}'), '')");
        let mut id = String::new();
        eventually(TEN_SECONDS, || {
            id = scene.database.sql(&holder_id).unwrap();
            !id.is_empty()
        });
        let insert = format!("INSERT INTO t SELECT GET_LOCK('{lock}', 60)");
        assert_eq!(scene.sql(&insert).unwrap_err().errno(), LOST);
        assert_eq!((cut.fired(), scene.rows().as_str()), (1, "0"), "it waits for the lock");
        server().kill_connection(id.parse().unwrap()).unwrap();
        holder.join().unwrap().unwrap_err();
    });
    eventually(TEN_SECONDS, || scene.rows() == "1");
    eventually(TEN_SECONDS, || scene.proxy.open() == 0);
}

#[test]
fn the_nth_packet_is_counted_from_the_arming_over_all_connections() {
    let scene = Scene::new();
    scene.sql("SELECT 1; SELECT 1").unwrap();
    let cut = scene.proxy.rule(Rule::cut_before().command(Command::Query).nth(5));
    scene.sql("SELECT 1; SELECT 1").unwrap();
    scene.sql("SELECT 1; SELECT 1").unwrap();
    assert_eq!((cut.seen(), cut.fired()), (4, 0));
    assert_eq!(scene.sql("SELECT 1").unwrap_err().errno(), LOST);
    assert_eq!((cut.seen(), cut.fired()), (5, 1));
    scene.sql("SELECT 1").unwrap();
}

#[test]
fn a_rule_for_every_time_strikes_until_it_is_disarmed() {
    let scene = Scene::new();
    let cut = scene.proxy.rule(Rule::cut_before().when(|p| p.starts_with(b"\x03DO")).every_time());
    for _ in 0..3 {
        assert_eq!(scene.sql("DO 1").unwrap_err().errno(), LOST);
        scene.sql("SELECT 1").unwrap();
    }
    cut.disarm();
    scene.sql("DO 1").unwrap();
    assert_eq!(cut.fired(), 3);
}

#[test]
fn a_result_is_cut_in_its_middle() {
    let scene = Scene::new();
    let row = Rule::cut_answer().when(|p| p.starts_with(b"\x07row 500"));
    let cut = scene.proxy.rule(row);
    let rows = &format!("SELECT CONCAT('row ', 99 + seq) FROM {}", series(1, 900));
    assert_eq!(scene.sql(rows).unwrap_err().errno(), LOST);
    assert_eq!(cut.fired(), 1);
    let total = scene.proxy.packets().to_client();
    assert!(total > 400, "{total} packets came before");
    assert_eq!(scene.sql(rows).unwrap().lines().count(), 900);
}

#[test]
fn a_reset_is_not_an_end() {
    let scene = Scene::new();
    let ends = [(true, Err(ErrorKind::ConnectionReset)), (false, Ok(0))];
    for (reset, expected) in ends {
        let mut stream = scene.greeted();
        let rule = Rule::cut_before();
        scene.proxy.rule(if reset { rule.with_reset() } else { rule });
        stream.write_all(&[1, 0, 0, 1, 0]).unwrap();
        assert_eq!(stream.read(&mut [0]).map_err(|e| e.kind()), expected, "with reset: {reset}");
    }
    let mut stream = scene.greeted();
    scene.proxy.reset();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut stream = scene.greeted();
    scene.proxy.cut();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_lost_answer_may_come_as_a_reset_too() {
    let scene = Scene::new();
    let mut stream = scene.greeted();
    scene.proxy.rule(Rule::cut_after().with_reset());
    // No proper answer to the greeting: the server says so, and that is lost.
    stream.write_all(&[1, 0, 0, 1, 0]).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_black_hole_keeps_both_ends_open_and_silent() {
    let scene = Scene::new();
    let stream = scene.greeted();
    scene.proxy.black_hole();
    (&stream).write_all(&[1, 0, 0, 1, 0]).unwrap();
    assert!(is_silent(&stream));
    let newcomer = connect(&scene.proxy);
    assert!(is_silent(&newcomer));
    assert_eq!(scene.proxy.open(), 2);
    drop(stream);
    assert_eq!(scene.proxy.open(), 2, "nobody hears of the close");
    scene.proxy.heal();
    assert_eq!(scene.sql("SELECT 1").unwrap(), "1");
    assert!(is_silent(&newcomer), "what was lost stays lost");
    scene.proxy.cut();
    assert_eq!((&newcomer).read(&mut [0]).unwrap(), 0);
    eventually(TEN_SECONDS, || scene.proxy.open() == 0);
}

#[test]
fn a_connection_in_a_black_hole_keeps_its_locks() {
    let scene = Scene::new();
    scene.database.sql("INSERT INTO t VALUES (1)").unwrap();
    let hole = scene.proxy.rule(Rule::black_hole().containing("SELECT 'lost'"));
    thread::scope(|scope| {
        let text = "BEGIN; SELECT id FROM t FOR UPDATE; SELECT 'lost'";
        let client = scope.spawn(|| scene.sql(text));
        eventually(TEN_SECONDS, || hole.fired() == 1);
        let wanted = "SET innodb_lock_wait_timeout = 0; SELECT id FROM t FOR UPDATE";
        assert_eq!(scene.database.sql(wanted).unwrap_err().errno(), Some(1205));
        scene.proxy.cut();
        assert_eq!(client.join().unwrap().unwrap_err().errno(), LOST);
        eventually(TEN_SECONDS, || scene.database.sql(wanted).is_ok());
    });
}

#[test]
fn a_proxy_that_refuses_listens_again_on_the_same_port() {
    let scene = Scene::new();
    let open = scene.greeted();
    for _ in 0..3 {
        scene.proxy.refuse();
        scene.proxy.refuse(); // Twice is as good as once.
        let refused = TcpStream::connect_timeout(&scene.proxy.addr(), TEN_SECONDS).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        scene.proxy.heal();
        assert_eq!(scene.sql("SELECT 1").unwrap(), "1");
    }
    assert!(is_silent(&open), "an open connection stays");
    scene.proxy.refuse();
}

#[test]
fn bytes_wait_in_the_direction_that_is_slow() {
    let scene = Scene::new();
    let delay = Duration::from_millis(150);
    for direction in [Direction::ToServer, Direction::ToClient] {
        scene.proxy.delay(direction, delay);
        let start = Instant::now();
        scene.sql("SELECT 1").unwrap();
        assert!(start.elapsed() >= 2 * delay, "{direction:?}: {:?}", start.elapsed());
        scene.proxy.heal();
    }
}

#[test]
fn a_proxy_is_dropped_at_once_whatever_its_connections_do() {
    let scene = Scene::new();
    let mut stream = scene.greeted();
    scene.proxy.delay(Direction::ToServer, Duration::from_secs(3_600));
    stream.write_all(&[1, 0, 0, 1, 0]).unwrap();
    eventually(TEN_SECONDS, || scene.proxy.packets().to_server() == 1);
    let start = Instant::now();
    drop(scene.proxy);
    assert!(start.elapsed() < TEN_SECONDS, "{:?}", start.elapsed());
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_client_that_does_not_read_does_not_hold_the_proxy() {
    let flood = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::to(flood.local_addr().unwrap()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = flood.accept().unwrap();
            let packets = [1, 0, 0, 0, 7].repeat(10_000);
            while stream.write_all(&packets).is_ok() {}
        });
        let mut client = connect(&proxy);
        client.read_exact(&mut [0]).unwrap();
        // Until the client's buffer is full, and the proxy's write stands still.
        let (mut last, mut since) = (0, Instant::now());
        eventually(TEN_SECONDS, || {
            let count = proxy.packets().to_client();
            if count != last {
                (last, since) = (count, Instant::now());
            }
            since.elapsed() > SHORT
        });
        proxy.cut();
        eventually(TEN_SECONDS, || proxy.open() == 0);
        client.read_to_end(&mut Vec::new()).unwrap();
    });
}

#[test]
fn a_compressed_connection_is_passed_on_and_can_be_cut() {
    let scene = Scene::new();
    let cut = scene.proxy.rule(Rule::cut_before().containing("SELECT"));
    let mut client = process::Command::new("mariadb");
    client.args(["--no-defaults", "--compress", "--host=127.0.0.1", "--user=root", "-N"]);
    client.arg(format!("--port={}", scene.proxy.port())).arg("--unbuffered");
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = client.stdin.take().unwrap();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    writeln!(input, "SHOW SESSION STATUS LIKE 'Compression';").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "Compression\tON\n");
    assert_eq!(cut.seen(), 0, "no rule sees into it");
    scene.proxy.cut();
    drop(writeln!(input, "SELECT 2;"));
    drop(input);
    assert!(!client.wait().unwrap().success());
}

#[test]
fn after_a_request_for_tls_bytes_pass_as_they_come() {
    let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::to(echo.local_addr().unwrap()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = echo.accept().unwrap();
            io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
        });
        let mut stream = connect(&proxy);
        let mut request = [0; 36];
        request[..4].copy_from_slice(&[32, 0, 0, 1]);
        request[4..8].copy_from_slice(&(1_u32 << 11).to_le_bytes());
        // As a packet, the record that follows would be 0x010316 bytes long and never complete.
        for sent in [&request[..], b"\x16\x03\x01\x00\x02hello"] {
            stream.write_all(sent).unwrap();
            let mut echoed = vec![0; sent.len()];
            stream.read_exact(&mut echoed).unwrap();
            assert_eq!(echoed, sent);
        }
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "a half close passes, too");
    });
}

#[test]
fn without_a_server_the_client_is_reset() {
    let nobody = Server::start().unwrap();
    let proxy = nobody.proxy();
    nobody.kill().unwrap();
    // The reset may come as early as the connect.
    let stream = TcpStream::connect_timeout(&proxy.addr(), TEN_SECONDS);
    let error = stream.and_then(|mut stream| stream.read(&mut [0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    nobody.restart().unwrap();
    assert_eq!(connect(&proxy).read(&mut [0]).unwrap(), 1);
}
