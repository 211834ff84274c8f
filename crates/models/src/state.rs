//! The ENUM columns of our own tables.
//!
//! diesel 2.3 has no derive for MySQL's ENUM. The server sends and takes the label as text, so each
//! type is a list of labels, and the label is all that ever crosses the wire: the number of a label
//! would change its meaning with the order in the ENUM.

use std::io::Write;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::mysql::{Mysql, MysqlValue};
use diesel::serialize::{self, IsNull, Output, ToSql};

use crate::schema::sql_types::{
    SteadfastMaintenanceStateEnum, SteadfastMigrationStateEnum, SteadfastOutcomeStateEnum,
};

/// What became of a transaction attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = SteadfastOutcomeStateEnum)]
pub enum OutcomeState {
    /// It was committed; the attempt wrote this itself, in its own transaction.
    Committed,
    /// It was not and never can be; written by whoever had to find out.
    Aborted,
}

/// How far a migration or a maintenance run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = SteadfastMigrationStateEnum)]
#[diesel(sql_type = SteadfastMaintenanceStateEnum)]
pub enum RunState {
    /// Begun, and not known to have ended.
    Running,
    /// Ended well.
    Done,
    /// Ended with an error, which stands beside it.
    Failed,
}

impl OutcomeState {
    const ALL: [Self; 2] = [Self::Committed, Self::Aborted];

    /// The label in the table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Committed => "C",
            Self::Aborted => "A",
        }
    }
}

impl RunState {
    const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Failed];

    /// The label in the table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

macro_rules! label_in_column {
    ($State:ty, $($Column:ty),+) => {$(
        impl ToSql<$Column, Mysql> for $State {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
                out.write_all(self.label().as_bytes())?;
                Ok(IsNull::No)
            }
        }

        impl FromSql<$Column, Mysql> for $State {
            fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
                let label = value.as_bytes();
                <$State>::ALL
                    .into_iter()
                    .find(|state| state.label().as_bytes() == label)
                    .ok_or_else(|| {
                        let label = String::from_utf8_lossy(label);
                        format!("{label:?} is no label of {}", stringify!($State)).into()
                    })
            }
        }
    )+};
}

label_in_column!(OutcomeState, SteadfastOutcomeStateEnum);
label_in_column!(RunState, SteadfastMigrationStateEnum, SteadfastMaintenanceStateEnum);

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::mysql::MysqlType;

    #[test]
    fn every_label_is_read_back_as_its_state() {
        for state in OutcomeState::ALL {
            assert_eq!(read::<SteadfastOutcomeStateEnum, OutcomeState>(state.label()), Some(state));
        }
        for state in RunState::ALL {
            assert_eq!(read::<SteadfastMigrationStateEnum, RunState>(state.label()), Some(state));
            assert_eq!(read::<SteadfastMaintenanceStateEnum, RunState>(state.label()), Some(state));
        }
    }

    #[test]
    fn a_label_that_does_not_exist_is_refused() {
        // The empty label is what the server stores for a wrong one when it is not strict.
        for label in ["", "c", "Running", "3", "done "] {
            assert_eq!(read::<SteadfastOutcomeStateEnum, OutcomeState>(label), None, "{label}");
            assert_eq!(read::<SteadfastMigrationStateEnum, RunState>(label), None, "{label}");
        }
    }

    fn read<Column, State: FromSql<Column, Mysql>>(label: &str) -> Option<State> {
        State::from_sql(MysqlValue::new(label.as_bytes(), MysqlType::Enum)).ok()
    }
}
