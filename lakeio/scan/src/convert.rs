//! From the columns of a data file, with their nesting, to columns of the table: `Convert` mirrors
//! the nesting, and its leaves are `leaf`'s. Also columns of one value throughout.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, ListArray, MapArray,
    PrimitiveArray, StringArray, StructArray,
};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Decimal128Type, FieldRef, Fields, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, Int8Type, TimestampMicrosecondType,
};

use lakeio_store::{Error, Result};

use crate::leaf::{corrupt, mismatch, with_decimal_type, LeafConvert};
use crate::scalar::Scalar;
use crate::types::Primitive;
use crate::variant::VariantReader;

/// From a column of a file, with its nesting, to a column of the table.
pub(crate) enum Convert {
    Leaf(LeafConvert),
    Struct {
        fields: Fields,
        parts: Vec<Part>,
    },
    List {
        field: FieldRef,
        item: Box<Convert>,
    },
    Map {
        entries: FieldRef,
        key: Box<Convert>,
        value: Box<Convert>,
        column: String,
    },
    Variant(Box<VariantReader>),
}

/// Where a field of a struct comes from.
pub(crate) enum Part {
    /// A child of the file's struct.
    Child(usize, Convert),
    /// Not in the file.
    Missing(ArrowType),
}

impl Convert {
    /// Converts what the decoders gave.
    pub(crate) fn apply(&self, array: &ArrayRef) -> Result<ArrayRef> {
        match self {
            Convert::Leaf(leaf) => leaf.apply(array),
            Convert::Variant(variant) => variant.apply(array),
            Convert::Struct { fields, parts } => {
                let array = array.as_struct_opt().ok_or_else(mismatch)?;
                let length = array.len();
                let columns = parts
                    .iter()
                    .map(|part| match part {
                        Part::Child(index, convert) => convert.apply(array.column(*index)),
                        Part::Missing(kind) => Ok(arrow::array::new_null_array(kind, length)),
                    })
                    .collect::<Result<Vec<_>>>()?;
                let nulls = array.nulls().cloned();
                let array =
                    StructArray::try_new_with_length(fields.clone(), columns, nulls, length);
                Ok(Arc::new(array.map_err(|e| Error::internal(e.to_string()))?))
            }
            Convert::List { field, item } => {
                let list: &ListArray = array.as_list_opt().ok_or_else(mismatch)?;
                let values = item.apply(list.values())?;
                let nulls = list.nulls().cloned();
                let list = ListArray::try_new(field.clone(), list.offsets().clone(), values, nulls);
                Ok(Arc::new(list.map_err(|e| Error::internal(e.to_string()))?))
            }
            Convert::Map {
                entries,
                key,
                value,
                column,
            } => {
                let list: &ListArray = array.as_list_opt().ok_or_else(mismatch)?;
                let pairs = list.values().as_struct_opt().ok_or_else(mismatch)?;
                let keys = key.apply(pairs.column(0))?;
                if keys.null_count() > 0 {
                    return Err(corrupt(column, "a map has a NULL key"));
                }
                // Keys are required in the schema, so that no NULL mask may stay.
                let keys = without_nulls(&keys);
                let values = value.apply(pairs.column(1))?;
                let ArrowType::Struct(fields) = entries.data_type() else {
                    return Err(mismatch());
                };
                let length = keys.len();
                let pairs = StructArray::try_new_with_length(
                    fields.clone(),
                    vec![keys, values],
                    None,
                    length,
                )
                .map_err(|e| Error::internal(e.to_string()))?;
                let nulls = list.nulls().cloned();
                let map =
                    MapArray::try_new(entries.clone(), list.offsets().clone(), pairs, nulls, false);
                Ok(Arc::new(map.map_err(|e| Error::internal(e.to_string()))?))
            }
        }
    }
}

fn without_nulls(array: &ArrayRef) -> ArrayRef {
    match array.nulls() {
        None => array.clone(),
        Some(_) => {
            let data = array.to_data().into_builder().nulls(None);
            // SAFETY: only the mask goes, and it marks nothing.
            arrow::array::make_array(unsafe { data.build_unchecked() })
        }
    }
}

/// An array of `rows` times the value.
pub(crate) fn constant(
    value: Option<&Scalar>,
    primitive: Primitive,
    rows: usize,
) -> Result<ArrayRef> {
    use Scalar as S;
    let Some(value) = value else {
        return Ok(arrow::array::new_null_array(&primitive.arrow(), rows));
    };
    fn filled<T: ArrowPrimitiveType>(value: T::Native, rows: usize) -> PrimitiveArray<T> {
        PrimitiveArray::from_value(value, rows)
    }
    Ok(match (value, primitive) {
        (S::Boolean(value), Primitive::Boolean) => Arc::new(BooleanArray::from(vec![*value; rows])),
        (S::Integer(value), Primitive::Byte) => Arc::new(filled::<Int8Type>(*value as i8, rows)),
        (S::Integer(value), Primitive::Short) => Arc::new(filled::<Int16Type>(*value as i16, rows)),
        (S::Integer(value), Primitive::Integer) => {
            Arc::new(filled::<Int32Type>(*value as i32, rows))
        }
        (S::Integer(value), Primitive::Long) => Arc::new(filled::<Int64Type>(*value, rows)),
        (S::Float(value), Primitive::Float) => Arc::new(filled::<Float32Type>(*value, rows)),
        (S::Double(value), Primitive::Double) => Arc::new(filled::<Float64Type>(*value, rows)),
        (S::Decimal(value, _), Primitive::Decimal(precision, scale)) => Arc::new(
            with_decimal_type(filled::<Decimal128Type>(*value, rows), precision, scale)?,
        ),
        (S::String(value), Primitive::String) => Arc::new(StringArray::from_iter_values(
            std::iter::repeat_n(value, rows),
        )),
        (S::Binary(value), Primitive::Binary) => Arc::new(BinaryArray::from_iter_values(
            std::iter::repeat_n(value, rows),
        )),
        (S::Date(value), Primitive::Date) => Arc::new(filled::<Date32Type>(*value, rows)),
        (S::Timestamp(value), Primitive::Timestamp) => {
            Arc::new(filled::<TimestampMicrosecondType>(*value, rows).with_timezone("UTC"))
        }
        (S::TimestampNtz(value), Primitive::TimestampNtz) => {
            Arc::new(filled::<TimestampMicrosecondType>(*value, rows))
        }
        _ => return Err(mismatch()),
    })
}
