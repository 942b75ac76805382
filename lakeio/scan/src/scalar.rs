//! Single values: partition values, predicate literals and statistics, parsed from their text form
//! and compared by value.

use std::cmp::Ordering;

pub use crate::civil::{civil_from_days, days_from_civil, parse_zone, DAY_MICROS};
use crate::civil::{parse_date, parse_timestamp};
pub use crate::number::{compare_floats, parse_decimal, rescale_exact, Number};
use crate::types::Primitive;

/// The text that Hive writes for NULL in a partition's folder name; Spark reads it as NULL.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// A value that is not NULL.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// boolean
    Boolean(bool),
    /// byte, short, integer, long
    Integer(i64),
    /// float
    Float(f32),
    /// double
    Double(f64),
    /// decimal: unscaled value and scale
    Decimal(i128, u8),
    /// string
    String(String),
    /// binary
    Binary(Vec<u8>),
    /// date: days since 1970-01-01
    Date(i32),
    /// timestamp: microseconds since 1970-01-01T00:00:00Z
    Timestamp(i64),
    /// timestamp_ntz: microseconds since 1970-01-01T00:00:00
    TimestampNtz(i64),
}

/// Which text form of values is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// A partition value of the log. Binary is the UTF-8 bytes of the text; a timestamp without
    /// zone is in the zone of this offset, in seconds east of UTC.
    Partition {
        /// Offset in seconds east of UTC.
        zone_seconds: i32,
    },
    /// A literal of a predicate. Binary is hexadecimal; a timestamp needs its zone.
    Literal,
}

impl Scalar {
    /// A partition value as the log has it: absent, empty and Hive's placeholder are NULL.
    pub fn parse_partition(
        primitive: Primitive,
        text: Option<&str>,
        zone_seconds: i32,
    ) -> Result<Option<Scalar>, String> {
        match text {
            None | Some("") | Some(HIVE_NULL) => Ok(None),
            Some(text) => {
                Scalar::parse(primitive, text, TextForm::Partition { zone_seconds }).map(Some)
            }
        }
    }

    /// Parses `text` as a value of `primitive`. The error says what is wrong, without the text.
    pub fn parse(primitive: Primitive, text: &str, form: TextForm) -> Result<Scalar, String> {
        let integer = |min: i64, max: i64| -> Result<Scalar, String> {
            let value: i64 = text.parse().map_err(|_| "not an integer".to_string())?;
            if value < min || value > max {
                return Err("integer out of range".into());
            }
            Ok(Scalar::Integer(value))
        };
        match primitive {
            Primitive::Boolean => {
                if text.eq_ignore_ascii_case("true") {
                    Ok(Scalar::Boolean(true))
                } else if text.eq_ignore_ascii_case("false") {
                    Ok(Scalar::Boolean(false))
                } else {
                    Err("neither true nor false".into())
                }
            }
            Primitive::Byte => integer(i8::MIN.into(), i8::MAX.into()),
            Primitive::Short => integer(i16::MIN.into(), i16::MAX.into()),
            Primitive::Integer => integer(i32::MIN.into(), i32::MAX.into()),
            Primitive::Long => integer(i64::MIN, i64::MAX),
            Primitive::Float => text
                .parse()
                .map(Scalar::Float)
                .map_err(|_| "not a number".to_string()),
            Primitive::Double => text
                .parse()
                .map(Scalar::Double)
                .map_err(|_| "not a number".to_string()),
            Primitive::Decimal(precision, scale) => {
                let (value, value_scale) = parse_decimal(text)?;
                let value = rescale_exact(value, value_scale, scale.into())
                    .ok_or("more digits after the point than the type has")?;
                if value.unsigned_abs() >= 10u128.pow(precision.into()) {
                    return Err("more digits than the type has".into());
                }
                Ok(Scalar::Decimal(value, scale))
            }
            Primitive::String => Ok(Scalar::String(text.to_string())),
            Primitive::Binary => match form {
                TextForm::Partition { .. } => Ok(Scalar::Binary(text.as_bytes().to_vec())),
                TextForm::Literal => parse_hex(text).map(Scalar::Binary),
            },
            Primitive::Date => parse_date(text).map(Scalar::Date),
            Primitive::Timestamp => parse_instant(text, form).map(Scalar::Timestamp),
            Primitive::TimestampNtz => match parse_timestamp(text)? {
                (micros, None) => Ok(Scalar::TimestampNtz(micros)),
                (_, Some(_)) => Err("a timestamp_ntz with a zone".into()),
            },
        }
    }

    /// The value as a number, when it is one.
    pub fn number(&self) -> Option<Number> {
        match self {
            Scalar::Integer(value) => Some(Number::Exact(i128::from(*value), 0)),
            Scalar::Decimal(value, scale) => Some(Number::Exact(*value, *scale)),
            Scalar::Float(value) => Some(Number::Float(f64::from(*value))),
            Scalar::Double(value) => Some(Number::Float(*value)),
            Scalar::Boolean(_)
            | Scalar::String(_)
            | Scalar::Binary(_)
            | Scalar::Date(_)
            | Scalar::Timestamp(_)
            | Scalar::TimestampNtz(_) => None,
        }
    }

    /// Order by value as Spark has it (NaN equals NaN and is the greatest, -0.0 equals 0.0, text
    /// by bytes); none when the kinds cannot be compared.
    pub fn compare(&self, other: &Scalar) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.number(), other.number()) {
            return Some(left.compare(right));
        }
        match (self, other) {
            (Scalar::Boolean(a), Scalar::Boolean(b)) => Some(a.cmp(b)),
            (Scalar::String(a), Scalar::String(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Scalar::Binary(a), Scalar::Binary(b)) => Some(a.cmp(b)),
            (Scalar::Date(a), Scalar::Date(b)) => Some(a.cmp(b)),
            (Scalar::Timestamp(a), Scalar::Timestamp(b)) => Some(a.cmp(b)),
            (Scalar::TimestampNtz(a), Scalar::TimestampNtz(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// Microseconds since 1970-01-01T00:00:00Z.
fn parse_instant(text: &str, form: TextForm) -> Result<i64, String> {
    let (micros, zone) = parse_timestamp(text)?;
    let zone = match (zone, form) {
        (Some(zone), _) => zone,
        (None, TextForm::Partition { zone_seconds }) => zone_seconds,
        (None, TextForm::Literal) => return Err("a timestamp without zone".into()),
    };
    micros
        .checked_sub(i64::from(zone) * 1_000_000)
        .ok_or_else(|| "timestamp out of range".into())
}

fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let bad = || "not an even number of hexadecimal digits".to_string();
    let digit = |byte: u8| (byte as char).to_digit(16).map(|d| d as u8).ok_or_else(bad);
    if !text.len().is_multiple_of(2) {
        return Err(bad());
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(primitive: Primitive, text: &str) -> Result<Scalar, String> {
        Scalar::parse(primitive, text, TextForm::Literal)
    }

    fn partition(primitive: Primitive, text: &str) -> Option<Scalar> {
        Scalar::parse_partition(primitive, Some(text), 3600).unwrap()
    }

    #[test]
    fn dates_and_timestamps() {
        let date = |text| literal(Primitive::Date, text);
        assert_eq!(date("1970-01-01"), Ok(Scalar::Date(0)));
        assert_eq!(date("0001-01-01"), Ok(Scalar::Date(-719_162)));
        assert_eq!(date("9999-12-31"), Ok(Scalar::Date(2_932_896)));
        assert_eq!(date("+10000-01-01"), Ok(Scalar::Date(2_932_897)));
        assert_eq!(date("-0001-12-31"), Ok(Scalar::Date(-719_529)));
        assert!(date("2023-02-29").is_err());
        assert!(date("2023-02").is_err());
        assert!(date("2023-02-01x").is_err());
        let timestamp = |text| literal(Primitive::Timestamp, text);
        assert_eq!(
            timestamp("1970-01-01T00:00:00.000001Z"),
            Ok(Scalar::Timestamp(1))
        );
        assert_eq!(
            timestamp("1970-01-01 01:00:00.5+01:00"),
            Ok(Scalar::Timestamp(500_000))
        );
        assert_eq!(
            timestamp("1969-12-31 23:59:59 UTC"),
            Ok(Scalar::Timestamp(-1_000_000))
        );
        assert!(timestamp("1970-01-01 00:00:00").is_err());
        assert!(timestamp("1970-01-01 00:00:00.0000001Z").is_err());
        assert!(timestamp("1970-01-01 24:00:00Z").is_err());
        assert_eq!(
            partition(Primitive::Timestamp, "1970-01-01 01:00:00"),
            Some(Scalar::Timestamp(0))
        );
        assert_eq!(
            partition(Primitive::TimestampNtz, "1970-01-01 01:00:00"),
            Some(Scalar::TimestampNtz(3_600_000_000))
        );
    }

    #[test]
    fn partition_nulls() {
        for text in ["", "__HIVE_DEFAULT_PARTITION__"] {
            assert_eq!(
                Scalar::parse_partition(Primitive::String, Some(text), 0),
                Ok(None)
            );
        }
        assert_eq!(Scalar::parse_partition(Primitive::Long, None, 0), Ok(None));
        assert_eq!(
            partition(Primitive::Binary, "é"),
            Some(Scalar::Binary(vec![0xc3, 0xa9]))
        );
        assert_eq!(
            literal(Primitive::Binary, "00fF"),
            Ok(Scalar::Binary(vec![0, 255]))
        );
    }

    #[test]
    fn numbers() {
        assert_eq!(literal(Primitive::Byte, "-128"), Ok(Scalar::Integer(-128)));
        assert!(literal(Primitive::Byte, "128").is_err());
        assert_eq!(
            literal(Primitive::Decimal(10, 2), "-1.50"),
            Ok(Scalar::Decimal(-150, 2))
        );
        assert_eq!(
            literal(Primitive::Decimal(10, 2), "1E3"),
            Ok(Scalar::Decimal(100_000, 2))
        );
        assert_eq!(
            literal(Primitive::Decimal(10, 2), "0E-9"),
            Ok(Scalar::Decimal(0, 2))
        );
        assert!(literal(Primitive::Decimal(10, 2), "0.001").is_err());
        assert!(literal(Primitive::Decimal(3, 2), "10").is_err());
        assert!(matches!(literal(Primitive::Double, "NaN"), Ok(Scalar::Double(v)) if v.is_nan()));
        assert_eq!(
            literal(Primitive::Double, "1.5E-7"),
            Ok(Scalar::Double(1.5e-7))
        );
    }
}
