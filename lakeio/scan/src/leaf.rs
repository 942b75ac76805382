//! From what a leaf column of a data file stores to a primitive type of the table: exact, or an
//! error that names the column.
//!
//! `LeafConvert` is decided once for each leaf of a file, from the file's annotation and the
//! table's type. No value is rounded, cut or made NULL; old calendars are carried over or
//! refused.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, Decimal128Array,
    FixedSizeBinaryArray, PrimitiveArray, StringArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, Int8Type, TimestampMicrosecondType,
};

use lakeio_store::{Class, Error, Result};

use crate::calendar::{
    hybrid_day_to_proleptic, hybrid_micros_to_proleptic, Calendar, Calendars, FIRST_COMMON_DAY,
    FIRST_COMMON_MICROS,
};
use crate::civil::DAY_MICROS;
use crate::stored::Stored;
use crate::types::Primitive;

/// Days from the start of INT96's count to 1970-01-01.
const JULIAN_EPOCH: i64 = 2_440_588;

/// From a leaf column of a file to a primitive type of the table.
#[derive(Clone, Debug)]
pub(crate) struct LeafConvert {
    stored: Stored,
    target: Primitive,
    calendar: Calendar,
    check_text: bool,
    column: String,
}

pub(crate) fn corrupt(column: &str, message: impl std::fmt::Display) -> Error {
    Error::new(
        Class::DataFileCorrupt,
        format!("{message}: column {column}"),
    )
    .with("column", column)
}

pub(crate) fn mismatch() -> Error {
    Error::internal("a column was decoded as another type than planned")
}

impl LeafConvert {
    /// How `stored` becomes `target`, or `DATA_FILE_CORRUPT` when it cannot: the file is not of
    /// the table's schema. `check_text`: whether a string that is not UTF-8 is an error; else it is
    /// given, and nobody may look at it as text. `column`: the table's name of it, with dots.
    pub(crate) fn new(
        stored: Stored,
        target: Primitive,
        calendars: &Calendars,
        check_text: bool,
        column: &str,
    ) -> Result<LeafConvert> {
        use Primitive as P;
        let possible = match stored {
            Stored::Null => true,
            Stored::Boolean => target == P::Boolean,
            Stored::Integer { .. } => matches!(
                target,
                P::Byte | P::Short | P::Integer | P::Long | P::Double | P::Decimal(..)
            ),
            Stored::Decimal { .. } => matches!(target, P::Decimal(..)),
            Stored::Date => matches!(target, P::Date | P::TimestampNtz),
            // Spark takes the local time of a file for UTC, and never the other way round.
            Stored::Timestamp { utc: false, .. } => {
                matches!(target, P::Timestamp | P::TimestampNtz)
            }
            Stored::Timestamp { utc: true, .. } | Stored::Int96 => target == P::Timestamp,
            Stored::Float => matches!(target, P::Float | P::Double),
            Stored::Double => target == P::Double,
            Stored::Bytes { .. } => matches!(target, P::String | P::Binary),
            Stored::Fixed => target == P::Binary,
        };
        if !possible {
            return Err(Error::new(
                Class::DataFileCorrupt,
                format!(
                    "a data file stores a column as a type that the table's cannot be read from: \
                     column {column}, {} for {}",
                    stored.name(),
                    target.name()
                ),
            )
            .with("column", column));
        }
        let calendar = match stored {
            Stored::Date => calendars.dates,
            Stored::Timestamp { utc: true, .. } => calendars.timestamps,
            Stored::Int96 => calendars.int96,
            _ => Calendar::Proleptic,
        };
        Ok(LeafConvert {
            stored,
            target,
            calendar,
            check_text,
            column: column.to_string(),
        })
    }

    /// Whether bounds of stored values are bounds of converted ones.
    pub(crate) fn keeps_order(&self) -> bool {
        self.calendar == Calendar::Proleptic && self.stored != Stored::Int96
    }

    /// Whether stored numbers are unsigned.
    pub(crate) fn is_unsigned(&self) -> bool {
        self.stored == Stored::Integer { unsigned: true }
    }

    /// Whether the column is a decimal.
    pub(crate) fn is_decimal(&self) -> bool {
        matches!(self.stored, Stored::Decimal { .. })
    }

    /// Converts what the decoders gave.
    pub(crate) fn apply(&self, array: &ArrayRef) -> Result<ArrayRef> {
        if array.null_count() == array.len() {
            return Ok(arrow::array::new_null_array(
                &self.target.arrow(),
                array.len(),
            ));
        }
        match self.stored {
            Stored::Null => Err(corrupt(&self.column, "a column of NULLs only has a value")),
            Stored::Boolean => Ok(array.clone()),
            Stored::Integer { unsigned } => self.integers(array, unsigned),
            Stored::Decimal { scale } => self.decimals(array, scale),
            Stored::Date => self.dates(array),
            Stored::Timestamp { per_second, .. } => {
                let ticks: &PrimitiveArray<Int64Type> =
                    array.as_primitive_opt().ok_or_else(mismatch)?;
                let micros = match per_second {
                    1_000_000 => ticks.clone(),
                    1_000 => self.map(ticks, |v| v.checked_mul(1_000))?,
                    _ => ticks.unary(|v| v.div_euclid(1_000)),
                };
                self.timestamps(micros)
            }
            Stored::Int96 => self.int96(array),
            Stored::Float => match self.target {
                Primitive::Double => {
                    let floats = array.as_primitive_opt::<Float32Type>();
                    let doubles: PrimitiveArray<Float64Type> =
                        floats.ok_or_else(mismatch)?.unary(f64::from);
                    Ok(Arc::new(doubles))
                }
                _ => Ok(array.clone()),
            },
            Stored::Double => Ok(array.clone()),
            Stored::Bytes { .. } => match self.target {
                Primitive::String => self.text(array.as_binary_opt().ok_or_else(mismatch)?),
                _ => Ok(array.clone()),
            },
            Stored::Fixed => {
                let fixed = array.as_fixed_size_binary_opt().ok_or_else(mismatch)?;
                let binary: BinaryArray = fixed.iter().collect();
                Ok(Arc::new(binary))
            }
        }
    }

    fn out_of_range(&self, value: impl std::fmt::Display) -> Error {
        corrupt(
            &self.column,
            format!(
                "a stored value does not fit type {}, {value}",
                self.target.name()
            ),
        )
    }

    /// Applies `f` to the values; none is an error.
    fn map<I: ArrowPrimitiveType, O: ArrowPrimitiveType>(
        &self,
        array: &PrimitiveArray<I>,
        f: impl Fn(I::Native) -> Option<O::Native>,
    ) -> Result<PrimitiveArray<O>>
    where
        I::Native: std::fmt::Display,
    {
        array.try_unary(|value| f(value).ok_or_else(|| self.out_of_range(value)))
    }

    fn integers(&self, array: &ArrayRef, unsigned: bool) -> Result<ArrayRef> {
        let narrow = array.as_primitive_opt::<Int32Type>();
        let wide = array.as_primitive_opt::<Int64Type>();
        match (narrow, wide, self.target, unsigned) {
            (Some(_), _, Primitive::Integer, false) | (_, Some(_), Primitive::Long, false) => {
                Ok(array.clone())
            }
            (Some(narrow), _, _, false) => self.integers_as(narrow, i128::from),
            (Some(narrow), _, _, true) => self.integers_as(narrow, |v| i128::from(v as u32)),
            (_, Some(wide), _, false) => self.integers_as(wide, i128::from),
            (_, Some(wide), _, true) => self.integers_as(wide, |v| i128::from(v as u64)),
            (None, None, _, _) => Err(mismatch()),
        }
    }

    fn integers_as<I: ArrowPrimitiveType>(
        &self,
        array: &PrimitiveArray<I>,
        wide: impl Fn(I::Native) -> i128,
    ) -> Result<ArrayRef>
    where
        I::Native: std::fmt::Display,
    {
        Ok(match self.target {
            Primitive::Byte => {
                Arc::new(self.map::<I, Int8Type>(array, |v| wide(v).try_into().ok())?)
            }
            Primitive::Short => {
                Arc::new(self.map::<I, Int16Type>(array, |v| wide(v).try_into().ok())?)
            }
            Primitive::Integer => {
                Arc::new(self.map::<I, Int32Type>(array, |v| wide(v).try_into().ok())?)
            }
            Primitive::Long => {
                Arc::new(self.map::<I, Int64Type>(array, |v| wide(v).try_into().ok())?)
            }
            Primitive::Double => Arc::new(self.map::<I, Float64Type>(array, |v| {
                let (exact, double) = (wide(v), wide(v) as f64);
                (double as i128 == exact).then_some(double)
            })?),
            Primitive::Decimal(precision, scale) => {
                let factor = 10i128.pow(scale.into());
                let limit = 10i128.pow(precision.into());
                let decimals = self.map::<I, Decimal128Type>(array, |v| {
                    wide(v).checked_mul(factor).filter(|d| d.abs() < limit)
                })?;
                Arc::new(with_decimal_type(decimals, precision, scale)?)
            }
            _ => return Err(mismatch()),
        })
    }

    fn decimals(&self, array: &ArrayRef, stored_scale: i32) -> Result<ArrayRef> {
        let Primitive::Decimal(precision, scale) = self.target else {
            return Err(mismatch());
        };
        let limit = 10i128.pow(precision.into());
        let shift = i32::from(scale) - stored_scale;
        let factor = 10i128.checked_pow(shift.unsigned_abs());
        let rescale = |value: i128| -> Option<i128> {
            let value = match shift {
                0 => value,
                _ if value == 0 => 0,
                1.. => value.checked_mul(factor?)?,
                _ => {
                    let factor = factor?;
                    (value % factor == 0).then(|| value / factor)?
                }
            };
            (-limit < value && value < limit).then_some(value)
        };
        let decimals: Decimal128Array = match array.data_type() {
            ArrowType::Int32 => {
                self.map::<Int32Type, _>(array.as_primitive(), |v| rescale(v.into()))?
            }
            ArrowType::Int64 => {
                self.map::<Int64Type, _>(array.as_primitive(), |v| rescale(v.into()))?
            }
            ArrowType::FixedSizeBinary(_) => {
                let array: &FixedSizeBinaryArray = array.as_fixed_size_binary();
                self.decimals_of(array.iter(), array.nulls(), rescale)?
            }
            ArrowType::Binary => {
                let array: &BinaryArray = array.as_binary();
                self.decimals_of(array.iter(), array.nulls(), rescale)?
            }
            _ => return Err(mismatch()),
        };
        Ok(Arc::new(with_decimal_type(decimals, precision, scale)?))
    }

    fn decimals_of<'a>(
        &self,
        values: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
        nulls: Option<&NullBuffer>,
        rescale: impl Fn(i128) -> Option<i128>,
    ) -> Result<Decimal128Array> {
        let mut out = Vec::with_capacity(values.len());
        for value in values {
            out.push(match value {
                None => 0,
                Some(bytes) => {
                    let value = big_endian(bytes)
                        .ok_or_else(|| corrupt(&self.column, "a decimal has too many bytes"))?;
                    rescale(value)
                        .ok_or_else(|| self.out_of_range(format!("an unscaled value of {value}")))?
                }
            });
        }
        Ok(Decimal128Array::new(out.into(), nulls.cloned()))
    }

    fn refuse(&self) -> Error {
        Error::new(
            Class::UnsupportedCalendar,
            format!(
                "a data file has dates or times from before the calendars agree and does not say \
                 which calendar or zone they are in; write the file anew with Spark 3 or later: \
                 column {}",
                self.column
            ),
        )
        .with("column", &self.column)
    }

    fn dates(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let days: &PrimitiveArray<Int32Type> = array.as_primitive_opt().ok_or_else(mismatch)?;
        let old = self.calendar != Calendar::Proleptic
            && arrow::compute::min(days).is_some_and(|day| day < FIRST_COMMON_DAY);
        let rebased;
        let days = match (old, self.calendar) {
            (true, Calendar::Unknown) => return Err(self.refuse()),
            (true, _) => {
                rebased = days.unary::<_, Int32Type>(hybrid_day_to_proleptic);
                &rebased
            }
            (false, _) => days,
        };
        Ok(match self.target {
            Primitive::TimestampNtz => {
                let micros = days.unary::<_, TimestampMicrosecondType>(|day| {
                    i64::from(day).wrapping_mul(DAY_MICROS)
                });
                // Days of i32 reach further than microseconds of i64.
                let bound = (i64::MAX / DAY_MICROS) as i32;
                let far = [arrow::compute::min(days), arrow::compute::max(days)];
                if let Some(day) = far.into_iter().flatten().find(|day| day.abs() > bound) {
                    return Err(self.out_of_range(day));
                }
                Arc::new(micros)
            }
            _ => Arc::new(days.reinterpret_cast::<Date32Type>()),
        })
    }

    fn timestamps(&self, micros: PrimitiveArray<Int64Type>) -> Result<ArrayRef> {
        let micros = match self.calendar {
            Calendar::Proleptic => micros,
            calendar => match arrow::compute::min(&micros) {
                Some(first) if first < FIRST_COMMON_MICROS => {
                    if calendar == Calendar::Unknown {
                        return Err(self.refuse());
                    }
                    micros.unary(hybrid_micros_to_proleptic)
                }
                _ => micros,
            },
        };
        let zone: Option<Arc<str>> = (self.target == Primitive::Timestamp).then(|| "UTC".into());
        let micros = micros.reinterpret_cast::<TimestampMicrosecondType>();
        Ok(Arc::new(micros.with_timezone_opt(zone)))
    }

    fn int96(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let array: &FixedSizeBinaryArray = array.as_fixed_size_binary_opt().ok_or_else(mismatch)?;
        let bytes = array.value_data();
        let start = array.offset() * 12;
        let mut out = Vec::with_capacity(array.len());
        for (row, value) in bytes[start..]
            .chunks_exact(12)
            .take(array.len())
            .enumerate()
        {
            let nanos = i64::from_le_bytes([
                value[0], value[1], value[2], value[3], value[4], value[5], value[6], value[7],
            ]);
            let day = i32::from_le_bytes([value[8], value[9], value[10], value[11]]);
            let micros = (i64::from(day) - JULIAN_EPOCH)
                .checked_mul(DAY_MICROS)
                .and_then(|micros| micros.checked_add(nanos.div_euclid(1_000)));
            match micros {
                Some(micros) => out.push(micros),
                None if array.is_null(row) => out.push(0),
                None => return Err(self.out_of_range(format!("day {day}, nanosecond {nanos}"))),
            }
        }
        self.timestamps(PrimitiveArray::new(out.into(), array.nulls().cloned()))
    }

    fn text(&self, array: &BinaryArray) -> Result<ArrayRef> {
        if self.check_text {
            check_text(array).map_err(|row| {
                Error::new(
                    Class::CharacterNotInRepertoire,
                    format!(
                        "a string is not valid UTF-8, row {row} of a batch: column {}",
                        self.column
                    ),
                )
                .with("column", &self.column)
            })?;
        }
        let (offsets, values, nulls) = array.clone().into_parts();
        // SAFETY: every value was just checked, or belongs to a column that is in no predicate and
        // goes as bytes through Arrow's kernels and C interface to a reader that checks it.
        Ok(Arc::new(unsafe {
            StringArray::new_unchecked(offsets, values, nulls)
        }))
    }
}

/// Fails with the first row whose bytes are not UTF-8.
fn check_text(array: &BinaryArray) -> Result<(), usize> {
    let offsets: &OffsetBuffer<i32> = array.offsets();
    let (start, end) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
    let bytes = &array.value_data()[start..end];
    // Text as a whole, and no value starts within a character.
    let whole = bytes.is_ascii()
        || simdutf8::basic::from_utf8(bytes).is_ok()
            && offsets.iter().all(|at| {
                let at = *at as usize;
                at >= end || array.value_data()[at] & 0xc0 != 0x80
            });
    if whole {
        return Ok(());
    }
    for row in 0..array.len() {
        if array.is_valid(row) && std::str::from_utf8(array.value(row)).is_err() {
            return Err(row);
        }
    }
    // Only bytes of NULLs are at fault, which cannot be kept as text: there are none by the format.
    Err(0)
}

/// A two's complement number, most significant byte first; none when it needs more than 16 bytes.
pub(crate) fn big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let (extra, kept) = bytes.split_at(bytes.len().saturating_sub(16));
    if extra.iter().any(|byte| *byte != fill) {
        return None;
    }
    let mut full = [fill; 16];
    full[16 - kept.len()..].copy_from_slice(kept);
    let value = i128::from_be_bytes(full);
    ((value < 0) == negative).then_some(value)
}

pub(crate) fn with_decimal_type(
    array: Decimal128Array,
    precision: u8,
    scale: u8,
) -> Result<Decimal128Array> {
    array
        .with_precision_and_scale(precision, scale as i8)
        .map_err(|e| Error::internal(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_endian_numbers() {
        assert_eq!(big_endian(&[]), Some(0));
        assert_eq!(big_endian(&[0xff]), Some(-1));
        assert_eq!(big_endian(&[0, 0xff]), Some(255));
        assert_eq!(big_endian(&[0x80, 0]), Some(-32768));
        assert_eq!(big_endian(&[0xff; 40]), Some(-1));
        let mut wide = [0u8; 17];
        assert_eq!(big_endian(&wide), Some(0));
        wide[1] = 0x80;
        assert_eq!(big_endian(&wide), None);
    }

    #[test]
    fn text_is_checked_value_by_value() {
        let good = BinaryArray::from_opt_vec(vec![Some("é".as_bytes()), None, Some(b"")]);
        assert_eq!(check_text(&good), Ok(()));
        let split = BinaryArray::from_vec(vec![&[0xc3], &[0xa9]]);
        assert_eq!(check_text(&split), Err(0));
        let bad = BinaryArray::from_vec(vec![b"a", &[0xff]]);
        assert_eq!(check_text(&bad), Err(1));
    }
}
