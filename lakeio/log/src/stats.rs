//! What the log says about the values in a file, read so that it can be believed: every bound that
//! is given holds, however the writer truncated or rounded it.

use std::borrow::Cow;
use std::collections::HashMap;

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Int8Type, TimeUnit, TimestampMicrosecondType,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::actions::LazyText;
use lakeio_scan::scalar::{Scalar, TextForm};
use lakeio_scan::types::Primitive;
use lakeio_scan::{Above, Known};

const MICROS_A_MINUTE: i64 = 60_000_000;

/// A row of the statistics columns of a checkpoint.
#[derive(Clone, Copy)]
pub(crate) struct StatsSource<'a> {
    pub(crate) parsed: &'a StructArray,
    pub(crate) row: usize,
}

/// The statistics of one file.
pub(crate) enum FileStats<'a> {
    None,
    Json(Box<JsonStats<'a>>),
    Parsed(StatsSource<'a>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonStats<'a> {
    #[serde(default)]
    num_records: Option<i64>,
    #[serde(borrow, default)]
    min_values: Option<&'a RawValue>,
    #[serde(borrow, default)]
    max_values: Option<&'a RawValue>,
    #[serde(borrow, default)]
    null_count: Option<&'a RawValue>,
}

/// The number of records that the statistics tell, deleted ones included.
pub(crate) fn records_of_text(stats: &LazyText<'_>) -> Option<u64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Records {
        #[serde(default)]
        num_records: Option<i64>,
    }
    // Most writers begin with it; then nothing else needs to be looked at.
    if let Some(rest) = stats.after_records() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if matches!(rest.as_bytes().get(digits), Some(b',' | b'}')) {
            return rest[..digits].parse().ok();
        }
    }
    let records: Records = serde_json::from_str(&stats.text()).ok()?;
    u64::try_from(records.num_records?).ok()
}

impl<'a> FileStats<'a> {
    /// Statistics from the text, or from the checkpoint's columns. Damaged text tells nothing.
    pub(crate) fn new(text: Option<&'a str>, parsed: Option<StatsSource<'a>>) -> Self {
        if let Some(text) = text {
            return match serde_json::from_str::<JsonStats<'a>>(text) {
                Ok(stats) => FileStats::Json(Box::new(stats)),
                Err(_) => FileStats::None,
            };
        }
        parsed.map_or(FileStats::None, FileStats::Parsed)
    }

    /// The number of records, deleted ones included.
    pub(crate) fn records(&self) -> Option<u64> {
        let records = match self {
            FileStats::None => None,
            FileStats::Json(stats) => stats.num_records,
            FileStats::Parsed(source) => source.long("numRecords"),
        };
        records.and_then(|n| u64::try_from(n).ok())
    }

    /// What is known of the column at `path` (physical names).
    pub(crate) fn known(&self, path: &[&str], primitive: Primitive) -> Known {
        let records = self.records();
        let (low, high, nulls) = match self {
            FileStats::None => (None, None, None),
            FileStats::Json(stats) => {
                let value = |part: Option<&'a RawValue>, beyond: i64| {
                    descend(part, path).and_then(|raw| json_bound(raw, primitive, beyond))
                };
                let nulls = descend(stats.null_count, path)
                    .and_then(|raw| raw.get().trim().parse::<u64>().ok());
                let low = value(stats.min_values, -1);
                (low, value(stats.max_values, 1), nulls)
            }
            FileStats::Parsed(source) => (
                source.scalar("minValues", path, primitive),
                source.scalar("maxValues", path, primitive),
                source.nulls(path),
            ),
        };
        Known {
            min: low.and_then(believable_low),
            max: high.and_then(believable_high),
            above: Above::Longer,
            no_nulls: nulls == Some(0),
            only_nulls: nulls.is_some() && nulls == records,
        }
    }
}

impl<'a> StatsSource<'a> {
    fn long(&self, field: &str) -> Option<i64> {
        let column = self.parsed.column_by_name(field)?;
        let column = column.as_primitive_opt::<Int64Type>()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn cell(&self, part: &str, path: &[&str]) -> Option<&'a dyn Array> {
        let mut column = self.parsed.column_by_name(part)?.as_ref();
        for name in path {
            let parent = column.as_struct_opt()?;
            if parent.is_null(self.row) {
                return None;
            }
            column = parent.column_by_name(name)?.as_ref();
        }
        column.is_valid(self.row).then_some(column)
    }

    fn nulls(&self, path: &[&str]) -> Option<u64> {
        let column = self
            .cell("nullCount", path)?
            .as_primitive_opt::<Int64Type>()?;
        u64::try_from(column.value(self.row)).ok()
    }

    fn scalar(&self, part: &str, path: &[&str], primitive: Primitive) -> Option<Scalar> {
        let column = self.cell(part, path)?;
        let row = self.row;
        let scalar = match column.data_type() {
            ArrowType::Int8 => {
                Scalar::Integer(column.as_primitive_opt::<Int8Type>()?.value(row).into())
            }
            ArrowType::Int16 => {
                Scalar::Integer(column.as_primitive_opt::<Int16Type>()?.value(row).into())
            }
            ArrowType::Int32 => {
                Scalar::Integer(column.as_primitive_opt::<Int32Type>()?.value(row).into())
            }
            ArrowType::Int64 => Scalar::Integer(column.as_primitive_opt::<Int64Type>()?.value(row)),
            ArrowType::Float32 => {
                Scalar::Float(column.as_primitive_opt::<Float32Type>()?.value(row))
            }
            ArrowType::Float64 => {
                Scalar::Double(column.as_primitive_opt::<Float64Type>()?.value(row))
            }
            ArrowType::Utf8 => Scalar::String(column.as_string_opt::<i32>()?.value(row).into()),
            ArrowType::Date32 => Scalar::Date(column.as_primitive_opt::<Date32Type>()?.value(row)),
            // INT96 comes as nanoseconds and may have overflowed; it tells nothing.
            ArrowType::Timestamp(TimeUnit::Microsecond, zone) => {
                let micros = column
                    .as_primitive_opt::<TimestampMicrosecondType>()?
                    .value(row);
                if zone.is_some() {
                    Scalar::Timestamp(micros)
                } else {
                    Scalar::TimestampNtz(micros)
                }
            }
            _ => return None,
        };
        // Where a column was widened, the checkpoint may have kept the narrower type.
        let same_kind = matches!(
            (primitive, &scalar),
            (
                Primitive::Byte | Primitive::Short | Primitive::Integer | Primitive::Long,
                Scalar::Integer(_)
            ) | (Primitive::Float, Scalar::Float(_))
                | (Primitive::Double, Scalar::Double(_))
                | (Primitive::String, Scalar::String(_))
                | (Primitive::Date, Scalar::Date(_))
                | (Primitive::Timestamp, Scalar::Timestamp(_))
                | (Primitive::TimestampNtz, Scalar::TimestampNtz(_))
        );
        same_kind.then_some(scalar)
    }
}

/// The member of nested JSON objects at `path`.
fn descend<'a>(part: Option<&'a RawValue>, path: &[&str]) -> Option<&'a RawValue> {
    let mut current = part?;
    for name in path {
        let members: HashMap<Cow<'a, str>, &'a RawValue> =
            serde_json::from_str(current.get()).ok()?;
        current = members.get(*name).copied()?;
    }
    Some(current)
}

/// A bound as a scalar. Writers leave the seconds of a zone's offset out, which many zones had long
/// ago: such a bound is moved by a minute in the direction `beyond`.
fn json_bound(raw: &RawValue, primitive: Primitive, beyond: i64) -> Option<Scalar> {
    let scalar = json_scalar(raw, primitive)?;
    let exact = raw.get().trim_end_matches(['"', ' ']).ends_with('Z');
    Some(match scalar {
        Scalar::Timestamp(micros) if !exact => {
            Scalar::Timestamp(micros.saturating_add(beyond * MICROS_A_MINUTE))
        }
        other => other,
    })
}

/// A JSON value as a scalar: numbers by their digits, so that nothing is rounded.
fn json_scalar(raw: &RawValue, primitive: Primitive) -> Option<Scalar> {
    let raw = raw.get().trim();
    let text: Cow<'_, str> = if raw.starts_with('"') {
        Cow::Owned(serde_json::from_str::<String>(raw).ok()?)
    } else {
        Cow::Borrowed(raw)
    };
    match primitive {
        Primitive::Binary | Primitive::Boolean => None,
        Primitive::String if !raw.starts_with('"') => None,
        // The text may be that of the narrower type from before the column was widened, as which
        // it means another number.
        Primitive::Double => {
            let wide: f64 = text.parse().ok()?;
            let narrow: f32 = text.parse().ok()?;
            let low = if f64::from(narrow) < wide {
                f64::from(narrow)
            } else {
                wide
            };
            Some(Scalar::Double(low))
        }
        Primitive::Decimal(..) => Scalar::parse(primitive, &text, TextForm::Literal).ok(),
        _ => Scalar::parse(primitive, &text, TextForm::Literal).ok(),
    }
}

/// What a writer's minimum proves.
fn believable_low(scalar: Scalar) -> Option<Scalar> {
    Some(match scalar {
        // Written in milliseconds, rounded in either direction.
        Scalar::Timestamp(micros) => Scalar::Timestamp(micros.saturating_sub(1000)),
        Scalar::TimestampNtz(micros) => Scalar::TimestampNtz(micros.saturating_sub(1000)),
        Scalar::Float(value) if value.is_nan() => return None,
        Scalar::Double(value) if value.is_nan() => return None,
        Scalar::Decimal(value, scale) => Scalar::Decimal(value - rounding(value), scale),
        other => other,
    })
}

/// What a writer's maximum proves.
fn believable_high(scalar: Scalar) -> Option<Scalar> {
    Some(match scalar {
        Scalar::Timestamp(micros) => Scalar::Timestamp(micros.saturating_add(1000)),
        Scalar::TimestampNtz(micros) => Scalar::TimestampNtz(micros.saturating_add(1000)),
        Scalar::String(text) => Scalar::String(untied(&text).into()),
        // Most writers leave NaN, which is greater than all, out of the maximum.
        Scalar::Float(_) | Scalar::Double(_) => return None,
        Scalar::Decimal(value, scale) => Scalar::Decimal(value + rounding(value), scale),
        other => other,
    })
}

/// A maximum without the character that writers put after a text they cut, which is not above all
/// that may follow in the order of bytes, and without what became of half a character before it.
fn untied(text: &str) -> &str {
    let cut = text.trim_end_matches(['\u{fffd}', '\u{10ffff}']);
    if cut.len() == text.len() {
        return text;
    }
    cut.strip_suffix('?').unwrap_or(cut)
}

/// How far a decimal may be off that went through a binary number on its way into the log.
fn rounding(value: i128) -> i128 {
    (value.unsigned_abs() >> 50).try_into().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str, path: &[&str], primitive: Primitive) -> Known {
        FileStats::new(Some(text), None).known(path, primitive)
    }

    #[test]
    fn records_with_and_without_the_short_cut() {
        assert_eq!(
            records_of_text(&LazyText::Plain(r#"{"numRecords":12,"minValues":{}}"#)),
            Some(12)
        );
        assert_eq!(
            records_of_text(&LazyText::Plain(r#"{ "numRecords" : 12 }"#)),
            Some(12)
        );
        assert_eq!(
            records_of_text(&LazyText::Plain(
                r#"{"minValues":{"numRecords":5},"numRecords":7}"#
            )),
            Some(7)
        );
        assert_eq!(records_of_text(&LazyText::Plain("{}")), None);
        assert_eq!(
            records_of_text(&LazyText::Plain(r#"{"numRecords":1.5}"#)),
            None
        );
        assert_eq!(records_of_text(&LazyText::Plain("damaged")), None);
    }

    #[test]
    fn bounds_are_widened_as_far_as_writers_round() {
        let text = r#"{"numRecords":2,"minValues":{"t":"1970-01-01T00:00:00.001Z","d":0.7,"f":0.1,"s":{"x":-5},"n":12345678901234567890.12},"maxValues":{"t":"1970-01-01T00:00:00.002Z","d":0.8,"s":{"x":7},"n":12345678901234567890.12},"nullCount":{"t":0,"s":{"x":2}}}"#;
        let t = known(text, &["t"], Primitive::Timestamp);
        assert_eq!(t.min, Some(Scalar::Timestamp(0)));
        assert_eq!(t.max, Some(Scalar::Timestamp(3000)));
        assert!(t.no_nulls && !t.only_nulls);
        let d = known(text, &["d"], Primitive::Double);
        assert_eq!(d.min, Some(Scalar::Double(f64::from(0.7f32))));
        assert_eq!(d.max, None);
        assert_eq!(
            known(text, &["f"], Primitive::Float).min,
            Some(Scalar::Float(0.1))
        );
        let x = known(text, &["s", "x"], Primitive::Integer);
        assert_eq!(
            (x.min, x.max),
            (Some(Scalar::Integer(-5)), Some(Scalar::Integer(7)))
        );
        assert!(x.only_nulls);
        let n = known(text, &["n"], Primitive::Decimal(38, 2));
        let exact = 1_234_567_890_123_456_789_012i128;
        assert!(matches!(n.min, Some(Scalar::Decimal(low, 2)) if low < exact));
        assert!(matches!(n.max, Some(Scalar::Decimal(high, 2)) if high > exact));
    }

    #[test]
    fn cut_texts_are_below_everything_that_begins_with_them() {
        let max = |text: &str| {
            let stats = format!(r#"{{"maxValues":{{"s":"{text}"}}}}"#);
            match known(&stats, &["s"], Primitive::String).max {
                Some(Scalar::String(max)) => max.to_string(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(max("aa\u{fffd}"), "aa");
        assert_eq!(max("aa\u{fffd}\u{fffd}"), "aa");
        assert_eq!(
            max("a?\u{fffd}"),
            "a",
            "half a character became a question mark"
        );
        assert_eq!(max("aa\u{10ffff}"), "aa");
        assert_eq!(max("aa?"), "aa?");
        assert_eq!(max("\u{fffd}"), "");
    }

    #[test]
    fn offsets_that_had_seconds_are_allowed_for() {
        let bounds = |zone: &str| {
            let text = format!(
                r#"{{"minValues":{{"t":"1970-01-01T00:10:00{zone}"}},"maxValues":{{"t":"1970-01-01T00:10:00{zone}"}}}}"#
            );
            let t = known(&text, &["t"], Primitive::Timestamp);
            match (t.min, t.max) {
                (Some(Scalar::Timestamp(low)), Some(Scalar::Timestamp(high))) => (low, high),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(bounds("Z"), (599_999_000, 600_001_000));
        assert_eq!(bounds("+00:09"), (-1_000, 120_001_000));
        // Zones have had such offsets, too: St. John's was at -3:30:52.
        assert_eq!(bounds("+00:00"), (539_999_000, 660_001_000));
    }

    #[test]
    fn what_cannot_be_understood_tells_nothing() {
        let text = r#"{"minValues":{"t":"2020-01-01T00:00:00.000","s":5},"maxValues":null}"#;
        assert_eq!(known(text, &["t"], Primitive::Timestamp).min, None);
        assert_eq!(known(text, &["s"], Primitive::String).min, None);
        assert_eq!(known(text, &["s", "x"], Primitive::String).min, None);
        assert_eq!(
            known("{", &["s"], Primitive::String),
            Known {
                above: Above::Longer,
                ..Known::default()
            }
        );
    }
}
