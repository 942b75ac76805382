//! Cells of rows of the log's Parquet files: of the type that is wanted, or an error that names the
//! file and the column.

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray,
};
use arrow::datatypes::{Int32Type, Int64Type};
use url::Url;

use lakeio_store::{Class, Error, Result};

/// A struct column of a batch by name; `None` where the file has none.
pub(crate) fn struct_of<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StructArray> {
    batch.column_by_name(name).and_then(|c| c.as_struct_opt())
}

/// Cells of one struct column, by field name.
pub(crate) struct Cells<'a> {
    url: &'a Url,
    what: &'static str,
    column: &'a StructArray,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(url: &'a Url, what: &'static str, column: &'a StructArray) -> Self {
        Cells { url, what, column }
    }

    fn wrong(&self, field: &str, why: &str) -> Error {
        Error::new(
            Class::DeltaLogCorrupt,
            format!("a column of a checkpoint {why}: {}.{field}", self.what),
        )
        .at(self.url)
    }

    fn field(&self, field: &str) -> Option<&'a ArrayRef> {
        self.column.column_by_name(field)
    }

    /// A column of strings; `None` where the file has none.
    pub(crate) fn texts(&self, field: &str) -> Result<Option<&'a StringArray>> {
        self.typed(field, "is not of strings", |array| {
            array.as_string_opt::<i32>()
        })
    }

    /// A column of integers; `None` where the file has none.
    pub(crate) fn numbers(&self, field: &str) -> Result<Option<Numbers<'a>>> {
        self.typed(field, "is not of integers", |array| {
            let long = array.as_primitive_opt::<Int64Type>().map(Numbers::Long);
            long.or_else(|| array.as_primitive_opt::<Int32Type>().map(Numbers::Integer))
        })
    }

    /// A column of maps; `None` where the file has none.
    pub(crate) fn maps(&self, field: &str) -> Result<Option<&'a MapArray>> {
        self.typed(field, "is not of maps", |array| array.as_map_opt())
    }

    /// A column of lists; `None` where the file has none.
    pub(crate) fn lists(&self, field: &str) -> Result<Option<&'a ListArray>> {
        self.typed(field, "is not of lists", |array| array.as_list_opt())
    }

    /// A column of structs; `None` where the file has none.
    pub(crate) fn structs(&self, field: &str) -> Result<Option<&'a StructArray>> {
        self.typed(field, "is not of structs", |array| array.as_struct_opt())
    }

    fn typed<T>(
        &self,
        field: &str,
        why: &str,
        cast: impl Fn(&'a dyn Array) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.field(field) {
            None => Ok(None),
            Some(array) => cast(array.as_ref())
                .map(Some)
                .ok_or_else(|| self.wrong(field, why)),
        }
    }

    /// The cell that every row of the column must have.
    pub(crate) fn required<T>(&self, field: &str, cell: Option<T>) -> Result<T> {
        cell.ok_or_else(|| self.wrong(field, "lacks a value"))
    }
}

/// A cell of a string column.
pub(crate) fn text_at(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column.filter(|c| c.is_valid(row)).map(|c| c.value(row))
}

/// A column of integers of either width.
#[derive(Clone, Copy)]
pub(crate) enum Numbers<'a> {
    Long(&'a Int64Array),
    Integer(&'a Int32Array),
}

/// A cell of a column of integers.
pub(crate) fn number_at(column: Option<Numbers<'_>>, row: usize) -> Option<i64> {
    match column? {
        Numbers::Long(column) => column.is_valid(row).then(|| column.value(row)),
        Numbers::Integer(column) => column.is_valid(row).then(|| i64::from(column.value(row))),
    }
}

/// The entries of a cell of a map of strings; `None` when the cell is NULL or not of strings.
pub(crate) fn map_at(
    column: Option<&MapArray>,
    row: usize,
) -> Option<Vec<(String, Option<String>)>> {
    let column = column.filter(|c| c.is_valid(row))?;
    let entries = column.value(row);
    let keys = entries.column(0).as_string_opt::<i32>()?;
    let values = entries.column(1).as_string_opt::<i32>()?;
    Some(
        (0..entries.len())
            .map(|i| {
                (
                    keys.value(i).to_string(),
                    text_at(Some(values), i).map(str::to_string),
                )
            })
            .collect(),
    )
}

/// The strings of a cell of a list of strings; `None` when the cell is NULL or not of strings.
pub(crate) fn list_at(column: Option<&ListArray>, row: usize) -> Option<Vec<String>> {
    let column = column.filter(|c| c.is_valid(row))?;
    let values = column.value(row);
    let values = values.as_string_opt::<i32>()?;
    Some(
        (0..values.len())
            .map(|i| values.value(i).to_string())
            .collect(),
    )
}
