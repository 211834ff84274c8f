//! A row whose shape is known only at run time.

use std::fmt;
use std::sync::Arc;

use crate::Error;
use crate::value::{FromValue, Value};

/// A row of values, read by name or by number.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// A value by the column's name (`"total"`) or number from 0; `None` if there is no such column.
    pub fn value(&self, column: impl Column) -> Option<&Value> {
        column.find(self).and_then(|index| self.values.get(index))
    }

    /// A value as a type of Rust, by the column's name or number from 0.
    ///
    /// # Errors
    /// [`Error::NoColumn`]; [`Error::Decode`] if the column does not hold that.
    pub fn get<T: FromValue>(&self, column: impl Column) -> Result<T, Error> {
        let Some(value) = self.value(column) else {
            return Err(Error::NoColumn(column.to_string()));
        };
        T::from_value(value.clone()).map_err(|value| Error::Decode {
            column: column.to_string(),
            wanted: T::WANTED,
            found: value.kind(),
        })
    }
}

/// What names a column: its name or its number.
pub trait Column: Copy + fmt::Display {
    /// The number of the column, if there is one.
    fn find(&self, row: &Row) -> Option<usize>;
}

impl Column for usize {
    fn find(&self, row: &Row) -> Option<usize> {
        (*self < row.values.len()).then_some(*self)
    }
}

impl Column for &str {
    fn find(&self, row: &Row) -> Option<usize> {
        row.columns.iter().position(|name| name == self)
    }
}
