//! Columns: what a cell of a row is, as Arrow, Parquet and BigQuery know it.

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, TimeUnit};
use jiff::Timestamp;
use std::sync::Arc;

/// Parquet's and BigQuery's only time zone.
const UTC: &str = "UTC";

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8.
    Text,
    /// 64 bits, signed.
    Integer,
    /// 64 bits.
    Float,
    /// True or false.
    Flag,
    /// Microseconds, UTC.
    Time,
}

impl ColumnType {
    /// What BigQuery calls it.
    pub fn bigquery(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Integer => "INTEGER",
            Self::Float => "FLOAT",
            Self::Flag => "BOOLEAN",
            Self::Time => "TIMESTAMP",
        }
    }

    fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        }
    }
}

/// What is known of a column without its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnFacts {
    /// Its name.
    pub name: &'static str,
    /// What it says of a row.
    pub doc: &'static str,
    /// What its cells are.
    pub kind: ColumnType,
    /// Whether each row has a value.
    pub required: bool,
}

/// How a cell is found in a row of type `R`.
enum Cell<R> {
    Text(fn(&R) -> Option<&str>),
    Integer(fn(&R) -> Option<i64>),
    Float(fn(&R) -> Option<f64>),
    Flag(fn(&R) -> Option<bool>),
    Time(fn(&R) -> Option<Timestamp>),
}

/// A column of a table whose rows are of type `R`.
pub(crate) struct Column<R> {
    facts: ColumnFacts,
    cell: Cell<R>,
}

impl<R> Column<R> {
    const fn new(name: &'static str, doc: &'static str, kind: ColumnType, cell: Cell<R>) -> Self {
        let required = false;
        Self {
            facts: ColumnFacts {
                name,
                doc,
                kind,
                required,
            },
            cell,
        }
    }

    pub(crate) const fn text(
        name: &'static str,
        doc: &'static str,
        cell: fn(&R) -> Option<&str>,
    ) -> Self {
        Self::new(name, doc, ColumnType::Text, Cell::Text(cell))
    }

    pub(crate) const fn integer(
        name: &'static str,
        doc: &'static str,
        cell: fn(&R) -> Option<i64>,
    ) -> Self {
        Self::new(name, doc, ColumnType::Integer, Cell::Integer(cell))
    }

    pub(crate) const fn float(
        name: &'static str,
        doc: &'static str,
        cell: fn(&R) -> Option<f64>,
    ) -> Self {
        Self::new(name, doc, ColumnType::Float, Cell::Float(cell))
    }

    pub(crate) const fn flag(
        name: &'static str,
        doc: &'static str,
        cell: fn(&R) -> Option<bool>,
    ) -> Self {
        Self::new(name, doc, ColumnType::Flag, Cell::Flag(cell))
    }

    pub(crate) const fn time(
        name: &'static str,
        doc: &'static str,
        cell: fn(&R) -> Option<Timestamp>,
    ) -> Self {
        Self::new(name, doc, ColumnType::Time, Cell::Time(cell))
    }

    /// Each row has a value.
    pub(crate) const fn required(self) -> Self {
        let Self { mut facts, cell } = self;
        facts.required = true;
        Self { facts, cell }
    }

    pub(crate) fn facts(&self) -> ColumnFacts {
        self.facts
    }

    pub(crate) fn field(&self) -> Field {
        let ColumnFacts {
            name,
            kind,
            required,
            ..
        } = self.facts;
        Field::new(name, kind.arrow(), !required)
    }

    /// The cells of these rows.
    pub(crate) fn array(&self, rows: &[R]) -> ArrayRef {
        match self.cell {
            Cell::Text(cell) => Arc::new(StringArray::from_iter(rows.iter().map(cell))),
            Cell::Integer(cell) => Arc::new(Int64Array::from_iter(rows.iter().map(cell))),
            Cell::Float(cell) => Arc::new(Float64Array::from_iter(rows.iter().map(cell))),
            Cell::Flag(cell) => Arc::new(BooleanArray::from_iter(rows.iter().map(cell))),
            Cell::Time(cell) => {
                let micros = |row| cell(row).map(Timestamp::as_microsecond);
                let array = TimestampMicrosecondArray::from_iter(rows.iter().map(micros));
                Arc::new(array.with_timezone(UTC))
            }
        }
    }
}

/// A count as a cell: Parquet and BigQuery have no unsigned numbers in common.
pub(crate) fn count(number: impl TryInto<i64>) -> Option<i64> {
    Some(number.try_into().unwrap_or(i64::MAX))
}
