//! Variant columns of a file as canonical JSON text, byte for byte what Spark's `to_json` prints.
//!
//! A variant is stored as bytes (`metadata`, `value`) or shredded: parts of it in typed columns, by
//! the Variant shredding specification of the Parquet project. Both are walked in place. Members of
//! an object are in the order of their names' UTF-8 bytes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, StructArray};
use arrow::datatypes::{DataType as ArrowType, Float32Type, Float64Type, Int32Type, Int64Type};

use lakeio_store::{Class, Error, Result};

use crate::leaf::big_endian;
use crate::variant_text::{
    print_base64, print_date, print_decimal, print_double, print_float, print_number, print_text,
    print_time, print_timestamp, print_uuid, quoted, Broken,
};
use crate::variant_value::{print_value, Names, Object, MAX_DEPTH, NAMED_TWICE, NOT_TEXT};

/// Reads one variant column of a file.
pub(crate) struct VariantReader {
    pub column: String,
    pub shredded: Shredded,
    /// Child with the metadata.
    pub metadata: usize,
}

/// A place that may be stored as bytes, typed, or partly both: children of a group.
pub(crate) struct Shredded {
    pub value: Option<usize>,
    pub typed: Option<(usize, Typed)>,
}

/// A typed column of a shredded variant.
pub(crate) enum Typed {
    Leaf(TypedLeaf),
    /// Names and places, the children of a group in order.
    Object(Vec<(String, Shredded)>),
    Array(Box<Shredded>),
}

/// What a typed leaf holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypedLeaf {
    Boolean,
    Integer,
    Decimal { scale: i32 },
    Date,
    Timestamp { per_second: i64, utc: bool },
    TimeMicros,
    Float,
    Double,
    Text,
    Bytes,
    Uuid,
}

/// What was printed for a place.
#[derive(PartialEq)]
enum Printed {
    Value,
    /// Nothing: the place has no value.
    Missing,
}

impl VariantReader {
    /// The JSON text of each row; NULL where the variant is NULL.
    pub(crate) fn apply(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let group = array
            .as_struct_opt()
            .ok_or_else(|| Error::internal("a variant is not a group"))?;
        let metadata: &BinaryArray = group
            .column(self.metadata)
            .as_binary_opt()
            .ok_or_else(|| Error::internal("a variant's metadata is not binary"))?;
        let mut text = String::new();
        let mut scratch = String::new();
        let mut offsets = Vec::with_capacity(array.len() + 1);
        offsets.push(0i32);
        for row in 0..group.len() {
            if group.is_valid(row) {
                scratch.clear();
                self.print(group, metadata, row, &mut scratch)
                    .map_err(|reason| {
                        Error::new(
                            Class::DataFileCorrupt,
                            format!("a variant is damaged, {reason}: column {}", self.column),
                        )
                        .with("column", &self.column)
                    })?;
                text.push_str(&scratch);
            }
            offsets.push(i32::try_from(text.len()).map_err(|_| {
                Error::new(
                    Class::MemoryBudget,
                    format!(
                        "the JSON text of a batch of variants exceeds 2 GiB; read fewer rows at \
                         once: column {}",
                        self.column
                    ),
                )
            })?);
        }
        let offsets = arrow::buffer::OffsetBuffer::new(offsets.into());
        // SAFETY: offsets are at ends of whole texts, and the values are of a `String`.
        Ok(Arc::new(unsafe {
            StringArray::new_unchecked(offsets, text.into_bytes().into(), group.nulls().cloned())
        }))
    }

    fn print(
        &self,
        group: &StructArray,
        metadata: &BinaryArray,
        row: usize,
        out: &mut String,
    ) -> Result<(), Broken> {
        if metadata.is_null(row) {
            return Err("it has no metadata");
        }
        let names = Names::parse(metadata.value(row))?;
        if self.shredded.print(group, row, &names, out, 0)? == Printed::Missing {
            out.push_str("null");
        }
        Ok(())
    }
}

impl Shredded {
    fn print(
        &self,
        group: &StructArray,
        row: usize,
        names: &Names<'_>,
        out: &mut String,
        depth: usize,
    ) -> Result<Printed, Broken> {
        if depth > MAX_DEPTH {
            return Err("it is nested too deeply");
        }
        if group.is_null(row) {
            return Ok(Printed::Missing);
        }
        let value = match self.value {
            Some(index) => {
                let values: &BinaryArray = group
                    .column(index)
                    .as_binary_opt()
                    .ok_or("its value is not binary")?;
                values.is_valid(row).then(|| values.value(row))
            }
            None => None,
        };
        let typed = self
            .typed
            .as_ref()
            .map(|(index, typed)| (group.column(*index), typed))
            .filter(|(array, _)| array.is_valid(row));
        match (value, typed) {
            (None, None) => Ok(Printed::Missing),
            (Some(value), None) => print_value(names, value, out, depth).map(|_| Printed::Value),
            (value, Some((array, Typed::Object(fields)))) => {
                let group = array
                    .as_struct_opt()
                    .ok_or("its typed object is not a group")?;
                print_object(fields, group, row, value, names, out, depth)?;
                Ok(Printed::Value)
            }
            (Some(_), Some(_)) => Err("it has both a value and a typed value"),
            (None, Some((array, Typed::Leaf(leaf)))) => {
                leaf.print(array, row, out)?;
                Ok(Printed::Value)
            }
            (None, Some((array, Typed::Array(element)))) => {
                print_array(element, array, row, names, out, depth)?;
                Ok(Printed::Value)
            }
        }
    }
}

/// Prints an object of typed fields and those of `rest`, an object of bytes.
fn print_object(
    fields: &[(String, Shredded)],
    group: &StructArray,
    row: usize,
    rest: Option<&[u8]>,
    names: &Names<'_>,
    out: &mut String,
    depth: usize,
) -> Result<(), Broken> {
    let mut members: Vec<(&str, String)> = Vec::with_capacity(fields.len());
    for (index, (name, place)) in fields.iter().enumerate() {
        let place_group = group
            .column(index)
            .as_struct_opt()
            .ok_or("its typed field is not a group")?;
        let mut text = String::new();
        if place.print(place_group, row, names, &mut text, depth + 1)? == Printed::Value {
            members.push((name, text));
        }
    }
    if let Some(rest) = rest {
        let object = Object::parse(rest)?.ok_or("an object has a value that is none")?;
        for at in 0..object.count {
            let name = names.get(object.field_id(at)?)?;
            if fields.iter().any(|(field, _)| field == name) {
                return Err("an object has a field both typed and not");
            }
            let mut text = String::new();
            print_value(names, object.value(at)?, &mut text, depth + 1)?;
            members.push((name, text));
        }
    }
    members.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(NAMED_TWICE);
    }
    out.push('{');
    for (at, (name, text)) in members.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        print_text(name, out);
        out.push(':');
        out.push_str(text);
    }
    out.push('}');
    Ok(())
}

/// Prints an array of typed elements.
fn print_array(
    element: &Shredded,
    array: &ArrayRef,
    row: usize,
    names: &Names<'_>,
    out: &mut String,
    depth: usize,
) -> Result<(), Broken> {
    let list = array
        .as_list_opt::<i32>()
        .ok_or("its typed array is not a list")?;
    let elements = list
        .values()
        .as_struct_opt()
        .ok_or("its typed elements are not a group")?;
    let range = list.value_offsets()[row]..list.value_offsets()[row + 1];
    out.push('[');
    for at in range.clone() {
        if at > range.start {
            out.push(',');
        }
        let printed = element.print(elements, at as usize, names, out, depth + 1)?;
        if printed == Printed::Missing {
            out.push_str("null");
        }
    }
    out.push(']');
    Ok(())
}

impl TypedLeaf {
    fn print(self, array: &ArrayRef, row: usize, out: &mut String) -> Result<(), Broken> {
        let wrong = "a typed value is not of its type";
        let integer = || -> Result<i64, Broken> {
            match array.data_type() {
                ArrowType::Int32 => Ok(array.as_primitive::<Int32Type>().value(row).into()),
                ArrowType::Int64 => Ok(array.as_primitive::<Int64Type>().value(row)),
                _ => Err(wrong),
            }
        };
        let bytes = || -> Result<&[u8], Broken> {
            match array.data_type() {
                ArrowType::Binary => Ok(array.as_binary::<i32>().value(row)),
                ArrowType::FixedSizeBinary(_) => Ok(array.as_fixed_size_binary().value(row)),
                _ => Err(wrong),
            }
        };
        match self {
            TypedLeaf::Boolean => {
                let value = array.as_boolean_opt().ok_or(wrong)?.value(row);
                out.push_str(if value { "true" } else { "false" });
            }
            TypedLeaf::Integer => print_number(integer()?, out),
            TypedLeaf::Decimal { scale } => {
                let unscaled = match integer() {
                    Ok(value) => i128::from(value),
                    Err(_) => big_endian(bytes()?).ok_or("a decimal has too many bytes")?,
                };
                print_decimal(unscaled, scale, out)?;
            }
            TypedLeaf::Date => quoted(out, |out| print_date(integer()?, out))?,
            TypedLeaf::Timestamp { per_second, utc } => {
                print_timestamp(integer()?, per_second, utc, out)?;
            }
            TypedLeaf::TimeMicros => quoted(out, |out| print_time(integer()?, 1_000_000, out))?,
            TypedLeaf::Float => {
                print_float(
                    array
                        .as_primitive_opt::<Float32Type>()
                        .ok_or(wrong)?
                        .value(row),
                    out,
                );
            }
            TypedLeaf::Double => {
                print_double(
                    array
                        .as_primitive_opt::<Float64Type>()
                        .ok_or(wrong)?
                        .value(row),
                    out,
                );
            }
            TypedLeaf::Text => {
                print_text(std::str::from_utf8(bytes()?).map_err(|_| NOT_TEXT)?, out);
            }
            TypedLeaf::Bytes => print_base64(bytes()?, out),
            TypedLeaf::Uuid => print_uuid(bytes()?, out)?,
        }
        Ok(())
    }
}
