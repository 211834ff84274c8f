//! Small changes to the SQL that `SHOW CREATE` gives, by its tokens: what stands in quotes or comments is no SQL.

use std::collections::HashSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Space,
    Comment,
    Word,
    /// `` `name` ``
    Name,
    /// `'text'` or `"text"`
    Text,
    /// One character.
    Sign,
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

impl Token<'_> {
    fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }

    /// The name it stands for, if it may be one.
    fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Name => Some(inside(self.text).replace("``", "`")),
            Kind::Word => Some(self.text.to_owned()),
            _ => None,
        }
    }
}

fn inside(quoted: &str) -> &str {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = measure(rest, first);
        let (text, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        found.push(Token { kind, text });
        rest = after;
    }
    found
}

/// The kind and the bytes of the token at the start of `rest`.
fn measure(rest: &str, first: char) -> (Kind, usize) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let run = |wanted: &dyn Fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    let until = |end: &str| rest.find(end).map_or(rest.len(), |start| start + end.len());
    match first {
        '`' | '\'' | '"' => {
            (if first == '`' { Kind::Name } else { Kind::Text }, quoted_length(rest, first))
        }
        '#' => (Kind::Comment, until("\n")),
        '-' if rest.starts_with("-- ") || rest.starts_with("--\n") => (Kind::Comment, until("\n")),
        '/' if rest.starts_with("/*") => (Kind::Comment, until("*/")),
        c if c.is_whitespace() => (Kind::Space, run(&char::is_whitespace)),
        c if is_word(c) => (Kind::Word, run(&is_word)),
        c => (Kind::Sign, c.len_utf8()),
    }
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote != '`' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_none_or(|(_, next)| *next != quote) {
                return at + 1;
            }
            chars.next();
        }
    }
    rest.len()
}

/// Positions of the tokens that are neither space nor comment.
fn significant(tokens: &[Token<'_>]) -> Vec<usize> {
    let counts = |(at, token): (usize, &Token<'_>)| {
        (!matches!(token.kind, Kind::Space | Kind::Comment)).then_some(at)
    };
    tokens.iter().enumerate().filter_map(counts).collect()
}

fn joined(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| token.text).collect()
}

/// Takes `AUTO_INCREMENT=n` out of a table's options.
pub(super) fn without_auto_increment(sql: &str) -> String {
    let mut tokens = tokens(sql);
    let places = significant(&tokens);
    for window in places.windows(3) {
        let &[word, equals, number] = window else { continue };
        let is = |at: usize, test: &dyn Fn(&Token<'_>) -> bool| tokens.get(at).is_some_and(test);
        if is(word, &|token| token.is_word("AUTO_INCREMENT"))
            && is(equals, &|token| token.is_sign("="))
        {
            // With the space that follows.
            tokens.drain(word..=(number + 1).min(tokens.len() - 1));
            break;
        }
    }
    joined(&tokens)
}

/// Takes the character set out of `CHARACTER SET c COLLATE x`, which is of `c` anyway: MySQL shows the words only of a
/// column that was created with a collation, so also of one made from the very text that did not have them.
pub(super) fn without_known_character_set(sql: &str) -> String {
    let mut tokens = tokens(sql);
    let places = significant(&tokens);
    for window in places.windows(4).rev() {
        let &[character, set, _, collate] = window else { continue };
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
        if is(character, "CHARACTER") && is(set, "SET") && is(collate, "COLLATE") {
            tokens.drain(character..collate);
        }
    }
    joined(&tokens)
}

/// Takes ``DEFINER=`user`@`host` `` out of a definition, so that it belongs to whoever runs it.
pub(super) fn without_definer(sql: &str) -> String {
    let mut tokens = tokens(sql);
    let places = significant(&tokens);
    let at = |n: usize| places.get(n).and_then(|at| tokens.get(*at));
    let Some(first) = (0..places.len()).find(|n| {
        at(*n).is_some_and(|token| token.is_word("DEFINER"))
            && at(n + 1).is_some_and(|token| token.is_sign("="))
    }) else {
        return sql.to_owned();
    };
    // `user` @ `host`, or a role's name alone.
    let parts = if at(first + 3).is_some_and(|token| token.is_sign("@")) { 5 } else { 3 };
    if let (Some(start), Some(end)) = (places.get(first), places.get(first + parts)) {
        tokens.drain(*start..*end);
    }
    joined(&tokens)
}

/// What a view selects from: the names after FROM and JOIN, without their databases.
pub(super) fn tables_in(sql: &str) -> HashSet<String> {
    let tokens = tokens(sql);
    let places = significant(&tokens);
    let at = |n: usize| places.get(n).and_then(|at| tokens.get(*at));
    let is_dot = |n: usize| at(n).is_some_and(|token| token.is_sign("."));
    let name = |n: usize| at(n).filter(|token| token.kind == Kind::Name).and_then(Token::name);
    (0..places.len())
        .filter(|n| follows(&tokens, &places, *n, &BEFORE_A_TABLE))
        .filter_map(|n| if is_dot(n + 1) { name(n + 2) } else { name(n) })
        .collect()
}

const BEFORE_A_TABLE: [&str; 3] = ["from", "join", "straight_join"];
const BEFORE_A_SEQUENCE: [&str; 3] = ["nextval", "lastval", "setval"];

/// True if one of `words` stands before the n-th token, with any number of `(` between.
fn follows(tokens: &[Token<'_>], places: &[usize], n: usize, words: &[&str]) -> bool {
    let before = places.get(..n).unwrap_or_default().iter().rev();
    let mut before = before.filter_map(|at| tokens.get(*at)).skip_while(|token| token.is_sign("("));
    before.next().is_some_and(|token| words.iter().any(|word| token.is_word(word)))
}

/// True if a definition qualifies something with the name `database`.
pub(super) fn names_database(sql: &str, database: &str) -> bool {
    let tokens = tokens(sql);
    let places = significant(&tokens);
    let at = |n: usize| places.get(n).and_then(|at| tokens.get(*at));
    (0..places.len()).any(|n| {
        at(n).and_then(Token::name).is_some_and(|name| name == database)
            && at(n + 1).is_some_and(|token| token.is_sign("."))
            && (n == 0 || at(n - 1).is_none_or(|token| !token.is_sign(".")))
    })
}

/// Gives a database another name in the definition of a table or a view.
///
/// The server writes these texts itself, in one form: a database stands before a table after FROM or JOIN, before a
/// function's or sequence's name, and in names of three parts. `` `a`.`b` `` elsewhere is a column of a table, which
/// may well have the database's name.
pub(super) fn with_database_renamed(sql: &str, old: &str, new: &str) -> String {
    let mut tokens = tokens(sql);
    let places = significant(&tokens);
    let replacement = super::names::quoted(new);
    let renamed: Vec<usize> = (0..places.len())
        .filter(|n| qualifies(&tokens, &places, *n, old))
        .filter_map(|n| places.get(n).copied())
        .collect();
    for at in renamed {
        if let Some(token) = tokens.get_mut(at) {
            token.text = &replacement;
        }
    }
    joined(&tokens)
}

fn qualifies(tokens: &[Token<'_>], places: &[usize], n: usize, database: &str) -> bool {
    let at = |n: usize| places.get(n).and_then(|at| tokens.get(*at));
    let sign = |n: usize, sign: &str| at(n).is_some_and(|token| token.is_sign(sign));
    let is_it = at(n).is_some_and(|token| token.kind == Kind::Name)
        && at(n).and_then(Token::name).is_some_and(|name| name == database);
    if !is_it || !sign(n + 1, ".") || n.checked_sub(1).is_some_and(|before| sign(before, ".")) {
        return false;
    }
    sign(n + 3, ".")
        || sign(n + 3, "(")
        || follows(tokens, places, n, &BEFORE_A_TABLE)
        || follows(tokens, places, n, &BEFORE_A_SEQUENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_put_together_are_the_text() {
        for sql in ["a`b``c`'d\\'e''f'\"g\" -- h\n#i\n/*j*/ k=1.5", "`", "'\\", "/*", "ä☃.`☃`", ""]
        {
            assert_eq!(joined(&tokens(sql)), sql);
        }
    }

    #[test]
    fn only_the_counter_of_the_table_is_taken_out() {
        let table = "CREATE TABLE `AUTO_INCREMENT=1` (\n  `a` int NOT NULL AUTO_INCREMENT COMMENT \
                     'AUTO_INCREMENT=2 '\n) ENGINE=InnoDB AUTO_INCREMENT=17 DEFAULT CHARSET=x";
        assert_eq!(without_auto_increment(table), table.replace(" AUTO_INCREMENT=17", ""));
        assert_eq!(without_auto_increment("ENGINE=InnoDB AUTO_INCREMENT=17"), "ENGINE=InnoDB ");
    }

    #[test]
    fn a_character_set_goes_where_the_collation_tells_it() {
        let table = "CREATE TABLE `t` (\n  `a` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,\n  `b` text \
                     CHARACTER SET latin1 COMMENT 'CHARACTER SET x COLLATE y',\n  `CHARACTER SET` char(1) CHARACTER \
                     SET sjis COLLATE sjis_bin\n) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_german2_ci";
        let shorter = table
            .replace(" CHARACTER SET utf8mb4 COLLATE", " COLLATE")
            .replace(" CHARACTER SET sjis COLLATE", " COLLATE");
        assert_ne!(table, shorter);
        assert_eq!(without_known_character_set(table), shorter);
    }

    #[test]
    fn definers_are_taken_out_of_every_kind_of_definition() {
        for (before, after) in [
            (
                "CREATE DEFINER=`a`@`b c` PROCEDURE `p`() SELECT 1",
                "CREATE PROCEDURE `p`() SELECT 1",
            ),
            ("CREATE DEFINER=`role` FUNCTION `f`", "CREATE FUNCTION `f`"),
            (
                "CREATE ALGORITHM=MERGE DEFINER=`a`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1",
                "CREATE ALGORITHM=MERGE SQL SECURITY DEFINER VIEW `v` AS select 1",
            ),
            ("CREATE VIEW `v` AS select 1", "CREATE VIEW `v` AS select 1"),
        ] {
            assert_eq!(without_definer(before), after);
        }
    }

    #[test]
    fn a_database_is_renamed_where_it_is_one() {
        let renamed = |sql| with_database_renamed(sql, "shop", "new`shop");
        for (before, after) in [
            (
                "select `shop`.`t`.`a` from (`shop`.`t` join `m`.`u`)",
                "select `new``shop`.`t`.`a` from (`new``shop`.`t` join `m`.`u`)",
            ),
            ("select `shop`.`f`(1)", "select `new``shop`.`f`(1)"),
            ("`a` int DEFAULT nextval(`shop`.`s`)", "`a` int DEFAULT nextval(`new``shop`.`s`)"),
            // A table of the same name, and text that only looks so.
            ("select `shop`.`a` from `shop`", "select `shop`.`a` from `shop`"),
            (
                "select `shop`.`a` from (`shop`.`shop` join `x`)",
                "select `shop`.`a` from (`new``shop`.`shop` join `x`)",
            ),
            (
                "select '`shop`.`f`(1)' /* from `shop`.`t` */",
                "select '`shop`.`f`(1)' /* from `shop`.`t` */",
            ),
            ("select `x`.`shop`.`f`", "select `x`.`shop`.`f`"),
        ] {
            assert_eq!(renamed(before), after);
        }
    }

    #[test]
    fn a_view_selects_from_what_stands_after_from_and_join() {
        let sql = "select `x`.`a` AS `b` from ((`x` join `db`.`y` `z` on(`x`.`c` = 'from `w`')) join (`v`))";
        let mut tables: Vec<String> = tables_in(sql).into_iter().collect();
        tables.sort();
        assert_eq!(tables, ["v", "x", "y"]);
    }

    #[test]
    fn a_body_that_names_the_database_is_noticed() {
        assert!(names_database("BEGIN INSERT INTO shop . log VALUES (1); END", "shop"));
        assert!(names_database("SELECT `shop`.t.a", "shop"));
        assert!(!names_database("SELECT 'shop.t', shop, x.shop.y -- shop.z", "shop"));
    }
}
