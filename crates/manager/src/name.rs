//! Names of tables and columns, quoted before they become part of a statement.

use std::fmt;

/// An identifier in backticks: the only way a name gets into a statement here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.replace('`', "``"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtick_in_a_name_cannot_end_it() {
        assert_eq!(Name("a`; DROP TABLE b; --").to_string(), "`a``; DROP TABLE b; --`");
    }
}
