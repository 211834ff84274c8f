//! What a statement leaves behind, as far as its text tells.
//!
//! The server tells of changed variables, schema and temporary tables in its answers, but not
//! always (not beside a result set, not with an error), and of locks never. So the rule is turned
//! round: a statement counts as leaving something unless its first words say that it does not.
//! Being wrong costs a `COM_RESET_CONNECTION` when a pool takes the connection back, or a refused
//! statement; never more. What no text tells stays unseen: a stored function that takes a user lock
//! or writes, a procedure that commits or sets a role.

/// What is to be expected of a text of one or several statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent answers about one text")]
pub(crate) struct Footprint {
    /// It changes nothing in the database, so it can be sent again.
    pub(crate) reads: bool,
    /// The session may differ from a new one afterwards.
    pub(crate) touches: bool,
    /// It sets a role, which `COM_RESET_CONNECTION` leaves as it is on MariaDB.
    pub(crate) sets_role: bool,
    /// It begins or ends a transaction by name.
    pub(crate) controls_transaction: bool,
    /// It commits what is open, as DDL does, before it does anything else: also when it then fails.
    pub(crate) commits: bool,
    /// It writes and gives no rows. MariaDB tells of those of RETURNING with the answer alone.
    pub(crate) writes: bool,
}

impl Footprint {
    pub(crate) fn of(sql: &str) -> Self {
        let mut all = Self { reads: true, ..Self::default() };
        for statement in statements(sql) {
            let one = Self::of_one(&statement);
            all.reads &= one.reads;
            all.touches |= one.touches;
            all.sets_role |= one.sets_role;
            all.controls_transaction |= one.controls_transaction;
            all.commits |= one.commits;
            all.writes |= one.writes;
        }
        all
    }

    /// `text` is in capitals, without comments and literals.
    fn of_one(text: &str) -> Self {
        let has = |word: &str| words(text).any(|found| found == word);
        let mut first = words(text);
        let (first, second) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let locks = ["GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS"].into_iter().any(has);
        let assigns = text.contains(":=")
            || has("INTO") && matches!(first, "SELECT" | "WITH")
            || text.contains('@') && first == "LOAD";
        let is_temporary = second == "TEMPORARY" || second == "OR" && has("TEMPORARY");
        let controls_transaction = match first {
            "BEGIN" | "START" | "COMMIT" | "XA" => true,
            "ROLLBACK" => !has("TO"),
            "SET" => has("AUTOCOMMIT"),
            _ => false,
        };
        let ddl = match first {
            "CREATE" | "DROP" => !is_temporary,
            "ALTER" | "TRUNCATE" | "RENAME" | "GRANT" | "REVOKE" | "LOCK" | "UNLOCK" | "FLUSH"
            | "ANALYZE" | "OPTIMIZE" | "REPAIR" | "CHECK" | "INSTALL" | "UNINSTALL" => true,
            _ => false,
        };
        let takes_state = match first {
            "SELECT" | "WITH" | "VALUES" | "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "DO" => {
                false
            }
            "BEGIN" | "START" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" => false,
            "CREATE" | "DROP" => is_temporary,
            "ALTER" | "TRUNCATE" | "RENAME" | "GRANT" | "REVOKE" | "LOAD" | "KILL" => false,
            "SHOW" | "EXPLAIN" | "DESCRIBE" | "DESC" | "ANALYZE" | "OPTIMIZE" | "CHECK"
            | "CHECKSUM" | "REPAIR" => false,
            _ => true,
        };
        let reads = match first {
            "SELECT" | "VALUES" | "DO" => !assigns && !locks,
            "WITH" => !assigns && !["UPDATE", "DELETE"].into_iter().any(has),
            "SHOW" | "EXPLAIN" | "DESCRIBE" | "DESC" | "USE" => true,
            // Not `SET STATEMENT … FOR`, which is the statement behind it.
            "SET" => second != "STATEMENT",
            _ => false,
        };
        // Texts that are not seen here, or not as a whole.
        let hides = matches!(first, "EXECUTE" | "PREPARE") || first == "BEGIN" && second == "NOT";
        Self {
            reads,
            touches: takes_state || locks || assigns || hides,
            sets_role: first == "SET" && has("ROLE") || hides,
            controls_transaction,
            commits: ddl || controls_transaction,
            writes: matches!(first, "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "CREATE" | "DROP")
                && !has("RETURNING"),
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// The statements of a text in capitals, without comments and literals. What stands in `/*! … */`
/// is part of it, since the server runs it.
fn statements(sql: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut rest = sql;
    while let Some(next) = rest.chars().next() {
        let plain = next.len_utf8();
        let taken = match next {
            '\'' | '"' | '`' => literal(rest, next),
            '#' => through(rest, "\n", 1),
            '-' if is_comment(rest) => through(rest, "\n", 2),
            '/' if rest.starts_with("/*!") => 3,
            '/' if rest.starts_with("/*M!") => 4,
            '/' if rest.starts_with("/*") => through(rest, "*/", 2),
            _ => plain,
        };
        rest = rest.get(taken..).unwrap_or_default();
        if next == ';' {
            found.push(String::new());
        } else if let Some(statement) = found.last_mut() {
            statement.push(if taken == plain { next.to_ascii_uppercase() } else { ' ' });
        }
    }
    found.retain(|statement| !statement.trim().is_empty());
    found
}
/// `--` and white space or a control character.
fn is_comment(text: &str) -> bool {
    let mut after = text.bytes().skip(2);
    text.starts_with("--") && after.next().is_none_or(|byte| byte <= b' ')
}

/// Bytes up to and with the first `end` after `start` bytes; all if there is none.
fn through(text: &str, end: &str, start: usize) -> usize {
    let after = text.get(start..).unwrap_or_default();
    after.find(end).map_or(text.len(), |at| start + at + end.len())
}

/// Bytes of the literal or quoted name that `text` begins with. A doubled quote makes two of it.
fn literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != '`' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_work_leaves_nothing() {
        for sql in [
            "SELECT * FROM t WHERE a = 1 FOR UPDATE",
            "insert into t values (1)",
            "UPDATE `t` SET v = v + 1",
            "/* comment; */ DELETE FROM t",
            "INSERT INTO t VALUES ('a;b', 'it''s', 'it\\'s; SET @x = 1')",
            "-- a comment\nSELECT 1",
            "--\tSELECT\nDELETE FROM t",
            "BEGIN; INSERT INTO t VALUES (1); COMMIT",
            "CREATE TABLE t (id INT)",
            "ALTER TABLE t ADD c INT",
        ] {
            assert!(!Footprint::of(sql).touches, "{sql}");
        }
    }

    #[test]
    fn whatever_may_stay_with_the_session_counts() {
        for sql in [
            "SET @x = 1",
            "USE other",
            "SELECT @x := 1",
            "SELECT 1 INTO @x",
            "SELECT GET_LOCK('a', 1)",
            "DO get_lock('a', 1)",
            "LOCK  TABLES t READ",
            "LOCK/**/TABLES t READ",
            "/*!40101 SET sql_mode = '' */",
            "FLUSH TABLES WITH READ LOCK",
            "BACKUP STAGE START",
            "HANDLER t OPEN",
            "CREATE TEMPORARY TABLE t SELECT 1",
            "CREATE OR REPLACE TEMPORARY TABLE t (id INT)",
            "CALL p()",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SELECT 1; SET @x = 1",
            "SELECT '#'; SET @x = 1",
            "SELECT 'a\\\\'; SET @x = 1",
            "PREPARE s FROM 'SELECT 1'",
        ] {
            assert!(Footprint::of(sql).touches, "{sql}");
        }
    }

    #[test]
    fn what_can_be_sent_again_is_told_from_what_cannot() {
        for sql in [
            "SELECT 1",
            "SELECT * FROM t FOR UPDATE",
            "SHOW TABLES",
            "SET @x = 1",
            "WITH a AS (SELECT 1) SELECT * FROM a",
        ] {
            assert!(Footprint::of(sql).reads, "{sql}");
        }
        for sql in [
            "UPDATE t SET v = 1",
            "CALL p()",
            "--\tSELECT this\nUPDATE a SET v = v + 1",
            "SET STATEMENT max_statement_time=1 FOR DELETE FROM t",
            "SELECT 1; DELETE FROM t",
            "INSERT INTO t SELECT 1",
            "DO GET_LOCK('a', 1)",
        ] {
            assert!(!Footprint::of(sql).reads, "{sql}");
        }
    }

    #[test]
    fn transactions_by_name_and_roles_are_seen() {
        for sql in [
            "COMMIT",
            "begin",
            "START TRANSACTION",
            "COMMIT AND CHAIN",
            "ROLLBACK",
            "SET autocommit=1",
            "XA END 'x'",
        ] {
            assert!(Footprint::of(sql).controls_transaction, "{sql}");
        }
        for sql in
            ["ROLLBACK TO SAVEPOINT a", "SAVEPOINT a", "RELEASE SAVEPOINT a", "SELECT 'COMMIT'"]
        {
            assert!(!Footprint::of(sql).controls_transaction, "{sql}");
        }
        for sql in ["ALTER TABLE t ADD c INT", "CREATE TABLE t (id INT)", "DROP TABLE t", "COMMIT"]
        {
            assert!(Footprint::of(sql).commits, "{sql}");
        }
        for sql in ["CREATE TEMPORARY TABLE t (id INT)", "INSERT INTO t VALUES (1)", "CALL p()"] {
            assert!(!Footprint::of(sql).commits, "{sql}");
        }
        assert!(Footprint::of("EXECUTE IMMEDIATE 'SET ROLE r'").sets_role);
        assert!(Footprint::of("SET ROLE r").sets_role);
        assert!(!Footprint::of("SET time_zone = '+00:00'").sets_role);
    }
}
