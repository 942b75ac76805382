//! The columns of rows to append against those of the table: which is which, of what type, and
//! whether it may be NULL.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{new_null_array, Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema, SchemaRef};

use lakeio_scan::types::{DataType, Field};
use lakeio_store::{Class, Error, Result};

/// Where in the stream the table's columns are.
pub(crate) struct Columns {
    pub table: SchemaRef,
    required: Vec<bool>,
    source: Vec<Option<usize>>,
    pub partition: Vec<usize>,
}

impl Columns {
    /// Fails where the stream has a column that the table has not, or has as another type.
    pub(crate) fn new(fields: &[Field], partition: &[String], stream: &SchemaRef) -> Result<Self> {
        let mut source = Vec::new();
        for field in fields {
            let at = stream.fields().iter().position(|f| *f.name() == field.name);
            if let Some(at) = at {
                let given = stream.field(at).data_type();
                let wanted = field.data_type.arrow();
                if matches!(field.data_type, DataType::Variant | DataType::Void) {
                    return Err(Error::new(
                        Class::UnsupportedType,
                        format!(
                            "a column has a type that is not written here: {}",
                            field.name
                        ),
                    ));
                }
                if !same_type(given, &wanted) {
                    return Err(Error::new(
                        Class::InvalidData,
                        format!(
                            "a column of the rows is not of the table's type, which is {wanted}: \
                             {} is {given}",
                            field.name
                        ),
                    ));
                }
            }
            source.push(at);
        }
        for given in stream.fields() {
            if !fields.iter().any(|field| field.name == *given.name()) {
                return Err(Error::new(
                    Class::InvalidData,
                    format!("a column of the rows is not in the table: {}", given.name()),
                ));
            }
        }
        let partition = partition
            .iter()
            .filter_map(|name| fields.iter().position(|field| field.name == *name))
            .collect();
        Ok(Columns {
            table: Arc::new(Schema::new(
                fields
                    .iter()
                    .map(Field::arrow)
                    .map(without_metadata)
                    .collect::<Vec<_>>(),
            )),
            required: fields.iter().map(|field| !field.nullable).collect(),
            source,
            partition,
        })
    }

    /// The columns that data files have.
    pub(crate) fn file_schema(&self) -> SchemaRef {
        let kept = (0..self.table.fields().len()).filter(|i| !self.partition.contains(i));
        Arc::new(Schema::new(
            kept.map(|i| self.table.fields()[i].clone())
                .collect::<Vec<_>>(),
        ))
    }

    /// The batch with the table's columns in the table's order.
    pub(crate) fn arrange(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::with_capacity(self.source.len());
        for (index, source) in self.source.iter().enumerate() {
            let field = self.table.field(index);
            let column = match source {
                Some(at) => arrow::compute::cast(batch.column(*at), field.data_type())
                    .map_err(|e| Error::foreign(Class::InvalidData, "", &e))?,
                None => new_null_array(field.data_type(), batch.num_rows()),
            };
            if self.required[index] && column.null_count() > 0 {
                return Err(Error::new(
                    Class::InvalidData,
                    format!("a column that must not be NULL is: {}", field.name()),
                ));
            }
            columns.push(column);
        }
        Ok(columns)
    }
}

fn without_metadata(field: ArrowField) -> ArrowField {
    field.with_metadata(HashMap::<String, String>::new())
}

/// Whether two types are the same but for names of list elements and whether NULL is allowed.
fn same_type(a: &ArrowType, b: &ArrowType) -> bool {
    match (a, b) {
        (ArrowType::List(a), ArrowType::List(b)) => same_type(a.data_type(), b.data_type()),
        (ArrowType::Map(a, _), ArrowType::Map(b, _)) => same_type(a.data_type(), b.data_type()),
        (ArrowType::Struct(a), ArrowType::Struct(b)) => {
            let entries = a.len() == 2 && a[0].name().starts_with("key");
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    (entries || a.name() == b.name()) && same_type(a.data_type(), b.data_type())
                })
        }
        _ => a == b,
    }
}
