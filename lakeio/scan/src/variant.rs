//! Variant columns as canonical JSON text, byte for byte what Spark's `to_json` prints in UTC.
//!
//! A variant is stored as bytes (`metadata`, `value`) or shredded: parts of it in typed columns.
//! Both are walked in place. The format is the Variant encoding and shredding specification of the
//! Parquet project. Members of an object are in the order of their names' UTF-8 bytes; decimals
//! without trailing zeros; floats as Java prints them; dates, times and bytes (base64) as strings.

use std::cell::Cell;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, StructArray};
use arrow::datatypes::{DataType as ArrowType, Float32Type, Float64Type, Int32Type, Int64Type};

use lakeio_store::{Class, Error, Result};

use crate::convert::big_endian;
use crate::scalar::{civil_from_days, DAY_MICROS};

/// Deepest nesting of a value that is followed.
const MAX_DEPTH: usize = 200;
/// Most values and most bytes of text of one variant; Spark allows 128 MiB of a value.
const MAX_VALUES: usize = 16 << 20;
const MAX_TEXT: usize = 256 << 20;
const DAY_NANOS: i64 = DAY_MICROS * 1000;

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

/// Why a variant could not be printed.
type Broken = &'static str;

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

const SHORT: Broken = "it ends too early";
const NOT_TEXT: Broken = "a text is not valid UTF-8";

/// A little-endian number of `width` bytes (1 to 4) at `at`.
fn number_at(bytes: &[u8], at: usize, width: usize) -> Result<usize, Broken> {
    let end = at.checked_add(width).ok_or(SHORT)?;
    let slice = bytes.get(at..end).ok_or(SHORT)?;
    Ok(slice
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | usize::from(*byte)))
}

fn fixed<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Broken> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<N>())
        .copied()
        .ok_or(SHORT)
}

/// The dictionary of names that a value's objects refer to.
struct Names<'a> {
    bytes: &'a [u8],
    width: usize,
    count: usize,
    /// Values that may still be printed: damaged offsets could make a few bytes an endless tree.
    left: Cell<usize>,
}

impl<'a> Names<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Names<'a>, Broken> {
        let head = *bytes.first().ok_or(SHORT)?;
        if head & 0x0f != 1 {
            return Err("its version is not known");
        }
        let width = usize::from(head >> 6) + 1;
        let count = number_at(bytes, 1, width)?;
        Ok(Names {
            bytes,
            width,
            count,
            left: Cell::new(MAX_VALUES),
        })
    }

    fn get(&self, id: usize) -> Result<&'a str, Broken> {
        if id >= self.count {
            return Err("a field has no name");
        }
        let offset = |at: usize| number_at(self.bytes, 1 + self.width * (1 + at), self.width);
        let start = self
            .count
            .checked_add(2)
            .and_then(|n| n.checked_mul(self.width))
            .and_then(|n| n.checked_add(1))
            .ok_or(SHORT)?;
        let (from, to) = (start + offset(id)?, start + offset(id + 1)?);
        let name = self.bytes.get(from..to).ok_or(SHORT)?;
        std::str::from_utf8(name).map_err(|_| NOT_TEXT)
    }
}

/// An object within a value's bytes.
struct Object<'a> {
    bytes: &'a [u8],
    count: usize,
    ids: usize,
    id_width: usize,
    offsets: usize,
    offset_width: usize,
    values: usize,
}

impl<'a> Object<'a> {
    /// None when the value is not an object.
    fn parse(bytes: &'a [u8]) -> Result<Option<Object<'a>>, Broken> {
        let head = *bytes.first().ok_or(SHORT)?;
        if head & 3 != 2 {
            return Ok(None);
        }
        let header = head >> 2;
        let count_width = if header & 0x10 != 0 { 4 } else { 1 };
        let (offset_width, id_width) = (
            usize::from(header & 3) + 1,
            usize::from(header >> 2 & 3) + 1,
        );
        let count = number_at(bytes, 1, count_width)?;
        let ids = 1 + count_width;
        let offsets = ids + count * id_width;
        let values = offsets + (count + 1) * offset_width;
        if values > bytes.len() {
            return Err(SHORT);
        }
        Ok(Some(Object {
            bytes,
            count,
            ids,
            id_width,
            offsets,
            offset_width,
            values,
        }))
    }

    fn field_id(&self, at: usize) -> Result<usize, Broken> {
        number_at(self.bytes, self.ids + at * self.id_width, self.id_width)
    }

    fn value(&self, at: usize) -> Result<&'a [u8], Broken> {
        let offset = number_at(
            self.bytes,
            self.offsets + at * self.offset_width,
            self.offset_width,
        )?;
        self.bytes.get(self.values + offset..).ok_or(SHORT)
    }
}

/// Prints the value at the front of `bytes`.
fn print_value(
    names: &Names<'_>,
    bytes: &[u8],
    out: &mut String,
    depth: usize,
) -> Result<(), Broken> {
    if depth > MAX_DEPTH {
        return Err("it is nested too deeply");
    }
    let left = names.left.get();
    if left == 0 || out.len() > MAX_TEXT {
        return Err("it is implausibly large");
    }
    names.left.set(left - 1);
    let head = *bytes.first().ok_or(SHORT)?;
    let header = head >> 2;
    match head & 3 {
        0 => print_primitive(header, bytes, out),
        1 => {
            let text = bytes.get(1..1 + usize::from(header)).ok_or(SHORT)?;
            print_text(std::str::from_utf8(text).map_err(|_| NOT_TEXT)?, out);
            Ok(())
        }
        2 => {
            let object = Object::parse(bytes)?.ok_or(SHORT)?;
            let mut members = Vec::with_capacity(object.count);
            for at in 0..object.count {
                members.push((names.get(object.field_id(at)?)?, object.value(at)?));
            }
            if !members.is_sorted_by_key(|(name, _)| name.as_bytes()) {
                members.sort_by_key(|(name, _)| name.as_bytes());
            }
            out.push('{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                print_text(name, out);
                out.push(':');
                print_value(names, value, out, depth + 1)?;
            }
            out.push('}');
            Ok(())
        }
        _ => {
            let count_width = if header & 4 != 0 { 4 } else { 1 };
            let offset_width = usize::from(header & 3) + 1;
            let count = number_at(bytes, 1, count_width)?;
            let offsets = 1 + count_width;
            let values = offsets + (count + 1) * offset_width;
            if values > bytes.len() {
                return Err(SHORT);
            }
            out.push('[');
            for at in 0..count {
                if at > 0 {
                    out.push(',');
                }
                let offset = number_at(bytes, offsets + at * offset_width, offset_width)?;
                let value = bytes.get(values + offset..).ok_or(SHORT)?;
                print_value(names, value, out, depth + 1)?;
            }
            out.push(']');
            Ok(())
        }
    }
}

fn print_primitive(kind: u8, bytes: &[u8], out: &mut String) -> Result<(), Broken> {
    let long = || fixed::<8>(bytes, 1).map(i64::from_le_bytes);
    let counted = || -> Result<&[u8], Broken> {
        let length = number_at(bytes, 1, 4)?;
        bytes
            .get(5..)
            .and_then(|rest| rest.get(..length))
            .ok_or(SHORT)
    };
    match kind {
        0 => out.push_str("null"),
        1 => out.push_str("true"),
        2 => out.push_str("false"),
        3 => print_number(i8::from_le_bytes(fixed(bytes, 1)?).into(), out),
        4 => print_number(i16::from_le_bytes(fixed(bytes, 1)?).into(), out),
        5 => print_number(i32::from_le_bytes(fixed(bytes, 1)?).into(), out),
        6 => print_number(long()?, out),
        7 => print_double(f64::from_le_bytes(fixed(bytes, 1)?), out),
        8..=10 => {
            let [scale] = fixed::<1>(bytes, 1)?;
            let unscaled = match kind {
                8 => i32::from_le_bytes(fixed(bytes, 2)?).into(),
                9 => i64::from_le_bytes(fixed(bytes, 2)?).into(),
                _ => i128::from_le_bytes(fixed(bytes, 2)?),
            };
            print_decimal(unscaled, scale.into(), out)?;
        }
        11 => {
            let day = i32::from_le_bytes(fixed(bytes, 1)?);
            quoted(out, |out| print_date(day.into(), out))?;
        }
        12 => print_timestamp(long()?, 1_000_000, true, out)?,
        13 => print_timestamp(long()?, 1_000_000, false, out)?,
        14 => print_float(f32::from_le_bytes(fixed(bytes, 1)?), out),
        15 => print_base64(counted()?, out),
        16 => print_text(std::str::from_utf8(counted()?).map_err(|_| NOT_TEXT)?, out),
        17 => quoted(out, |out| print_time(long()?, 1_000_000, out))?,
        18 => print_timestamp(long()?, 1_000_000_000, true, out)?,
        19 => print_timestamp(long()?, 1_000_000_000, false, out)?,
        20 => print_uuid(&fixed::<16>(bytes, 1)?, out)?,
        _ => return Err("a value has a type that is not known"),
    }
    Ok(())
}

fn print_number(value: i64, out: &mut String) {
    let _ = write!(out, "{value}");
}

/// Without trailing zeros and without an exponent.
fn print_decimal(unscaled: i128, scale: i32, out: &mut String) -> Result<(), Broken> {
    if !(0..=38).contains(&scale) {
        return Err("a decimal has an impossible scale");
    }
    let (mut value, mut scale) = (unscaled, scale as usize);
    while scale > 0 && value % 10 == 0 {
        value /= 10;
        scale -= 1;
    }
    if value < 0 {
        out.push('-');
    }
    let digits = value.unsigned_abs().to_string();
    if digits.len() <= scale {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', scale - digits.len()));
        out.push_str(&digits);
    } else {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.push_str(whole);
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
    }
    Ok(())
}

/// As Java prints a double; what is not finite as a string.
pub(crate) fn print_double(value: f64, out: &mut String) {
    print_ieee(
        value.is_nan(),
        value.is_finite(),
        value < 0.0,
        &format!("{value:e}"),
        out,
    );
}

/// As Java prints a float; what is not finite as a string.
pub(crate) fn print_float(value: f32, out: &mut String) {
    print_ieee(
        value.is_nan(),
        value.is_finite(),
        value < 0.0,
        &format!("{value:e}"),
        out,
    );
}

/// `shortest`: the shortest digits that give the value back, as `1.25e-7`.
fn print_ieee(nan: bool, finite: bool, negative: bool, shortest: &str, out: &mut String) {
    if !finite {
        out.push_str(match (nan, negative) {
            (true, _) => "\"NaN\"",
            (false, true) => "\"-Infinity\"",
            (false, false) => "\"Infinity\"",
        });
        return;
    }
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = match mantissa.strip_prefix('-') {
        Some(rest) => {
            out.push('-');
            rest
        }
        None => mantissa,
    };
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !(-3..7).contains(&exponent) {
        out.push_str(first);
        out.push('.');
        out.push_str(if rest.is_empty() { "0" } else { rest });
        let _ = write!(out, "E{exponent}");
    } else if exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n(
            '0',
            exponent.unsigned_abs() as usize - 1,
        ));
        out.push_str(first);
        out.push_str(rest);
    } else {
        let whole = exponent as usize;
        out.push_str(first);
        if rest.len() <= whole {
            out.push_str(rest);
            out.extend(std::iter::repeat_n('0', whole - rest.len()));
            out.push_str(".0");
        } else {
            out.push_str(&rest[..whole]);
            out.push('.');
            out.push_str(&rest[whole..]);
        }
    }
}

fn quoted(
    out: &mut String,
    print: impl FnOnce(&mut String) -> Result<(), Broken>,
) -> Result<(), Broken> {
    out.push('"');
    print(out)?;
    out.push('"');
    Ok(())
}

fn print_date(day: i64, out: &mut String) -> Result<(), Broken> {
    let (year, month, day) = civil_from_days(day);
    let _ = match year {
        10_000.. => write!(out, "+{year}"),
        0..10_000 => write!(out, "{year:04}"),
        _ => write!(out, "-{:04}", year.unsigned_abs()),
    };
    let _ = write!(out, "-{month:02}-{day:02}");
    Ok(())
}

/// `ticks` of a day, of which a second has `per_second`; the fraction without trailing zeros.
fn print_time(ticks: i64, per_second: i64, out: &mut String) -> Result<(), Broken> {
    let (seconds, fraction) = (ticks.div_euclid(per_second), ticks.rem_euclid(per_second));
    if !(0..86_400).contains(&seconds) {
        return Err("a time is not within a day");
    }
    let _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction > 0 {
        let digits = per_second.ilog10() as usize;
        let text = format!("{fraction:0digits$}");
        out.push('.');
        out.push_str(text.trim_end_matches('0'));
    }
    Ok(())
}

fn print_timestamp(ticks: i64, per_second: i64, utc: bool, out: &mut String) -> Result<(), Broken> {
    let day_ticks = match per_second {
        1_000_000_000 => DAY_NANOS,
        1_000_000 => DAY_MICROS,
        _ => 86_400 * per_second,
    };
    quoted(out, |out| {
        print_date(ticks.div_euclid(day_ticks), out)?;
        out.push(' ');
        print_time(ticks.rem_euclid(day_ticks), per_second, out)?;
        if utc {
            out.push_str("+00:00");
        }
        Ok(())
    })
}

fn print_text(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            0x0c => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        match escape {
            "" => {
                let _ = write!(out, "\\u{byte:04X}");
            }
            escape => out.push_str(escape),
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

fn print_base64(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push('"');
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            match at <= group.len() {
                true => out.push(DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char),
                false => out.push('='),
            }
        }
    }
    out.push('"');
}

fn print_uuid(bytes: &[u8], out: &mut String) -> Result<(), Broken> {
    if bytes.len() != 16 {
        return Err("a UUID has not 16 bytes");
    }
    out.push('"');
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
    out.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: &[u8]) -> Result<String, Broken> {
        let names = Names::parse(&[1, 2, 0, 1, 2, b'b', b'a'])?;
        let mut out = String::new();
        print_value(&names, bytes, &mut out, 0).map(|_| out)
    }

    #[test]
    fn floats_as_java_prints_them() {
        let double = |v| {
            let mut out = String::new();
            print_double(v, &mut out);
            out
        };
        for (v, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (123.456, "123.456"),
            (0.001, "0.001"),
            (0.000999, "9.99E-4"),
            (9999999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (-1.25e-7, "-1.25E-7"),
            (1e300, "1.0E300"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(double(v), text);
        }
        let mut out = String::new();
        print_float(0.1, &mut out);
        assert_eq!(out, "0.1");
    }

    #[test]
    fn primitives() {
        assert_eq!(value(&[0]).unwrap(), "null");
        assert_eq!(value(&[0x0c, 0xff]).unwrap(), "-1");
        assert_eq!(value(&[0x20, 2, 0x96, 0, 0, 0]).unwrap(), "1.5");
        assert_eq!(value(&[0x20, 2, 5, 0, 0, 0]).unwrap(), "0.05");
        assert_eq!(value(&[0x20, 2, 0, 0, 0, 0]).unwrap(), "0");
        assert_eq!(
            value(&[0x2c, 0xff, 0xff, 0xff, 0xff]).unwrap(),
            "\"1969-12-31\""
        );
        let mut micros = vec![0x30];
        micros.extend((-1i64).to_le_bytes());
        assert_eq!(
            value(&micros).unwrap(),
            "\"1969-12-31 23:59:59.999999+00:00\""
        );
        micros[0] = 0x34;
        micros[1..].copy_from_slice(&0i64.to_le_bytes());
        assert_eq!(value(&micros).unwrap(), "\"1970-01-01 00:00:00\"");
        assert_eq!(value(&[0x3c, 2, 0, 0, 0, 0, 0xff]).unwrap(), "\"AP8=\"");
        assert_eq!(value(&[0x0d, b'a', b'"', 1]).unwrap(), "\"a\\\"\\u0001\"");
        assert!(value(&[0x54]).is_err());
        assert!(value(&[]).is_err());
    }

    #[test]
    fn objects_are_sorted_and_arrays_are_not() {
        // {b: 1, a: [2, null]}, stored in that order.
        let bytes = [
            0x02, 2, 0, 1, 0, 2, 9, 0x0c, 1, 0x03, 2, 0, 2, 3, 0x0c, 2, 0,
        ];
        assert_eq!(value(&bytes).unwrap(), "{\"a\":[2,null],\"b\":1}");
        for end in 0..bytes.len() {
            assert!(value(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        // An array whose only element is itself: offset 0 points before the element.
        let mut bytes = vec![];
        for _ in 0..10_000 {
            bytes.extend([0x03, 1, 0, 1]);
        }
        assert!(value(&bytes).is_err());
    }
}
