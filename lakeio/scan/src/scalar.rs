//! Single values: partition values, predicate literals and statistics, parsed from their text form
//! and compared by value.

use std::cmp::Ordering;

use crate::types::Primitive;

/// Microseconds of a day.
pub const DAY_MICROS: i64 = 86_400_000_000;

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

/// A number of any kind, for comparison by value.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Unscaled value and scale (decimal digits after the point).
    Exact(i128, u8),
    /// An IEEE number.
    Float(f64),
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
            Primitive::Timestamp => {
                let (micros, zone) = parse_timestamp(text)?;
                let zone = match (zone, form) {
                    (Some(zone), _) => zone,
                    (None, TextForm::Partition { zone_seconds }) => zone_seconds,
                    (None, TextForm::Literal) => return Err("a timestamp without zone".into()),
                };
                let micros = micros.checked_sub(i64::from(zone) * 1_000_000);
                micros
                    .map(Scalar::Timestamp)
                    .ok_or_else(|| "timestamp out of range".into())
            }
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

/// Order of IEEE numbers as Spark has it: NaN equals NaN and is the greatest, -0.0 equals 0.0.
#[inline]
pub fn compare_floats(a: f64, b: f64) -> Ordering {
    match a.partial_cmp(&b) {
        Some(order) => order,
        None => a.is_nan().cmp(&b.is_nan()),
    }
}

impl Number {
    /// Order by exact value; NaN equals NaN and is the greatest.
    pub fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Exact(a, sa), Number::Exact(b, sb)) => compare_decimals(a, sa, b, sb),
            (Number::Float(a), Number::Float(b)) => compare_floats(a, b),
            (Number::Exact(a, sa), Number::Float(b)) => compare_decimal_float(a, sa, b),
            (Number::Float(a), Number::Exact(b, sb)) => compare_decimal_float(b, sb, a).reverse(),
        }
    }
}

fn compare_decimals(a: i128, sa: u8, b: i128, sb: u8) -> Ordering {
    if sa == sb {
        return a.cmp(&b);
    }
    if sa > sb {
        return compare_decimals(b, sb, a, sa).reverse();
    }
    // sa < sb: a * 10^(sb-sa) against b. On overflow the scaled side is beyond every i128.
    match 10i128
        .checked_pow(u32::from(sb - sa))
        .and_then(|factor| a.checked_mul(factor))
    {
        Some(a) => a.cmp(&b),
        None => a.cmp(&0),
    }
}

/// Exact order of `a / 10^scale` and a binary number.
fn compare_decimal_float(a: i128, scale: u8, b: f64) -> Ordering {
    if b.is_nan() || b == f64::INFINITY {
        return Ordering::Less;
    }
    if b == f64::NEG_INFINITY {
        return Ordering::Greater;
    }
    if b == 0.0 {
        return a.cmp(&0);
    }
    let sign = if b < 0.0 { -1 } else { 1 };
    if a.signum() != sign {
        return a.cmp(&0).then(if sign < 0 {
            Ordering::Greater
        } else {
            Ordering::Less
        });
    }
    // Same sign: compare |a| with |b| * 10^scale, where |b| = mantissa * 2^exponent.
    let bits = b.abs().to_bits();
    let biased = (bits >> 52) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = match biased {
        0 => (fraction, -1074),
        _ => (fraction | (1 << 52), biased - 1075),
    };
    let mut left = Wide::new(a.unsigned_abs());
    let mut right = Wide::new(u128::from(mantissa));
    right.multiply_pow10(scale);
    if exponent >= 128 {
        // |b| >= 2^128 > |a|.
        return if sign < 0 {
            Ordering::Greater
        } else {
            Ordering::Less
        };
    }
    if exponent < -300 {
        // |b| * 10^38 < 1 <= |a|.
        return if sign < 0 {
            Ordering::Less
        } else {
            Ordering::Greater
        };
    }
    if exponent >= 0 {
        right.shift_left(exponent as u32);
    } else {
        left.shift_left(exponent.unsigned_abs());
    }
    let order = left.compare(&right);
    if sign < 0 {
        order.reverse()
    } else {
        order
    }
}

/// An unsigned integer of 512 bits, enough for |i128| * 2^300 and 2^53 * 10^38 * 2^127.
struct Wide([u64; 8]);

impl Wide {
    fn new(value: u128) -> Self {
        let mut words = [0; 8];
        words[0] = value as u64;
        words[1] = (value >> 64) as u64;
        Wide(words)
    }

    fn multiply_pow10(&mut self, power: u8) {
        for _ in 0..power {
            let mut carry = 0u128;
            for word in &mut self.0 {
                let product = u128::from(*word) * 10 + carry;
                *word = product as u64;
                carry = product >> 64;
            }
        }
    }

    fn shift_left(&mut self, bits: u32) {
        let (words, bits) = ((bits / 64) as usize, bits % 64);
        let old = self.0;
        for i in (0..8).rev() {
            let low = if i >= words { old[i - words] } else { 0 };
            let below = if i > words { old[i - words - 1] } else { 0 };
            self.0[i] = match bits {
                0 => low,
                _ => (low << bits) | (below >> (64 - bits)),
            };
        }
    }

    fn compare(&self, other: &Wide) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

/// `value / 10^from` as an unscaled value of scale `to`; none when digits would be lost or it
/// does not fit.
pub fn rescale_exact(value: i128, from: i32, to: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    if to >= from {
        let factor = 10i128.checked_pow(u32::try_from(to - from).ok()?)?;
        value.checked_mul(factor)
    } else {
        let factor = 10i128.checked_pow(u32::try_from(from - to).ok()?)?;
        (value % factor == 0).then(|| value / factor)
    }
}

/// Parses `-12.34e5` as unscaled value and scale; the scale may be negative.
pub fn parse_decimal(text: &str) -> Result<(i128, i32), String> {
    let bad = || "not a decimal number".to_string();
    let (body, exponent) = match text.find(['e', 'E']) {
        Some(at) => (
            &text[..at],
            text[at + 1..].parse::<i32>().map_err(|_| bad())?,
        ),
        None => (text, 0),
    };
    let (negative, digits) = match body.as_bytes().first() {
        Some(b'-') => (true, &body[1..]),
        Some(b'+') => (false, &body[1..]),
        _ => (false, body),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(bad());
    }
    let fraction_kept = fraction.trim_end_matches('0');
    let mut value = 0i128;
    for digit in whole.bytes().chain(fraction_kept.bytes()) {
        if !digit.is_ascii_digit() {
            return Err(bad());
        }
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(i128::from(digit - b'0')))
            .ok_or("decimal number with too many digits")?;
    }
    let scale = (fraction_kept.len() as i64) - i64::from(exponent);
    let scale = i32::try_from(scale).map_err(|_| bad())?;
    Ok((if negative { -value } else { value }, scale))
}

/// Days since 1970-01-01 of a proleptic Gregorian date; none when there is no such day.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    // Years from March, so that the leap day is the last day of a year.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Year, month and day of days since 1970-01-01, proleptic Gregorian.
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = ((month_from_march + 2) % 12 + 1) as u32;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

fn parse_date(text: &str) -> Result<i32, String> {
    let bad = || "not a date".to_string();
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let mut parts = rest.splitn(3, '-');
    let mut part = |max_length: usize| -> Result<u32, String> {
        let part = parts.next().ok_or_else(bad)?;
        if part.is_empty() || part.len() > max_length || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        part.parse().map_err(|_| bad())
    };
    let year = i64::from(part(7)?);
    let month = part(2)?;
    let day = part(2)?;
    let days = days_from_civil(if negative { -year } else { year }, month, day).ok_or_else(bad)?;
    i32::try_from(days).map_err(|_| "date out of range".into())
}

/// `yyyy-MM-dd[( |T)HH:mm[:ss[.fraction]]][zone]` as local microseconds and the zone's offset in
/// seconds. The fraction has at most six digits that count.
fn parse_timestamp(text: &str) -> Result<(i64, Option<i32>), String> {
    let bad = || "not a timestamp".to_string();
    let split = text.find(['T', ' ']);
    let (date, rest) = match split {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let days = i64::from(parse_date(date)?);
    if split.is_none() {
        let micros = days
            .checked_mul(DAY_MICROS)
            .ok_or("timestamp out of range")?;
        return Ok((micros, None));
    }
    let zone_at = rest
        .find(['Z', '+', '-', 'U', 'G', ' '])
        .unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone_at);
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) if !fraction.is_empty() => (clock, fraction),
        Some(_) => return Err(bad()),
        None => (time, ""),
    };
    let mut parts = clock.split(':');
    let mut part = |max: i64| -> Result<Option<i64>, String> {
        let Some(part) = parts.next() else {
            return Ok(None);
        };
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let value: i64 = part.parse().map_err(|_| bad())?;
        if value > max {
            return Err(bad());
        }
        Ok(Some(value))
    };
    let hour = part(23)?.ok_or_else(bad)?;
    let minute = part(59)?.ok_or_else(bad)?;
    let second = part(59)?;
    if part(0)?.is_some() || (second.is_none() && !fraction.is_empty()) {
        return Err(bad());
    }
    let mut micros = 0i64;
    for (at, digit) in fraction.bytes().enumerate() {
        if !digit.is_ascii_digit() {
            return Err(bad());
        }
        match at {
            0..=5 => micros = micros * 10 + i64::from(digit - b'0'),
            _ if digit != b'0' => return Err("a timestamp finer than a microsecond".into()),
            _ => {}
        }
    }
    for _ in fraction.len()..6 {
        micros *= 10;
    }
    let seconds = hour * 3600 + minute * 60 + second.unwrap_or(0);
    let total = days
        .checked_mul(DAY_MICROS)
        .and_then(|d| d.checked_add(seconds * 1_000_000 + micros))
        .ok_or("timestamp out of range")?;
    let zone = match zone.trim_start() {
        "" => None,
        zone => Some(parse_zone(zone)?),
    };
    Ok((total, zone))
}

/// `Z`, `UTC`, `GMT`, `UTC+01:00`, `+01`, `+0100`, `+01:00` or `+01:00:30` as seconds east of UTC.
pub fn parse_zone(text: &str) -> Result<i32, String> {
    let bad = || "a zone that is neither UTC nor an offset".to_string();
    let text = ["UTC", "GMT", "Z"]
        .iter()
        .find_map(|p| text.strip_prefix(p))
        .unwrap_or(text);
    if text.is_empty() {
        return Ok(0);
    }
    let (sign, rest) = match text.as_bytes()[0] {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return Err(bad()),
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let well_formed = digits.bytes().all(|b| b.is_ascii_digit())
        && (matches!(rest.len(), 1 | 2 | 4) && !rest.contains(':')
            || rest.len() == 5 && rest.as_bytes()[2] == b':'
            || rest.len() == 8 && rest.as_bytes()[2] == b':' && rest.as_bytes()[5] == b':');
    if !well_formed {
        return Err(bad());
    }
    let number = |from: usize| -> i32 {
        digits
            .get(from..(from + 2).min(digits.len()))
            .and_then(|d| d.parse().ok())
            .unwrap_or(0)
    };
    let (hours, minutes, seconds) = (number(0), number(2), number(4));
    if hours > 18 || minutes > 59 || seconds > 59 {
        return Err(bad());
    }
    Ok(sign * (hours * 3600 + minutes * 60 + seconds))
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
    fn civil_days_are_inverse() {
        for days in (-800_000..3_000_000).step_by(13) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), Some(days));
        }
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

    #[test]
    fn numbers_compare_by_value() {
        let exact = Number::Exact;
        let float = Number::Float;
        assert_eq!(exact(150, 2).compare(exact(15, 1)), Ordering::Equal);
        assert_eq!(exact(i128::MAX, 0).compare(exact(1, 38)), Ordering::Greater);
        assert_eq!(exact(i128::MIN, 0).compare(exact(1, 38)), Ordering::Less);
        assert_eq!(exact(5, 1).compare(float(0.5)), Ordering::Equal);
        assert_eq!(exact(1, 1).compare(float(0.1)), Ordering::Less);
        assert_eq!(exact(-1, 1).compare(float(-0.1)), Ordering::Greater);
        assert_eq!(
            exact((1 << 53) + 1, 0).compare(float(9007199254740992.0)),
            Ordering::Greater
        );
        assert_eq!(
            exact(1, 38).compare(float(f64::MIN_POSITIVE)),
            Ordering::Greater
        );
        assert_eq!(exact(i128::MAX, 0).compare(float(1e300)), Ordering::Less);
        assert_eq!(
            exact(i128::MIN, 0).compare(float(-(2f64.powi(127)))),
            Ordering::Equal
        );
        assert_eq!(exact(0, 3).compare(float(-0.0)), Ordering::Equal);
        assert_eq!(exact(0, 3).compare(float(-1e-300)), Ordering::Greater);
        assert_eq!(exact(7, 0).compare(float(f64::NAN)), Ordering::Less);
        assert_eq!(
            float(f64::NAN).compare(float(f64::INFINITY)),
            Ordering::Greater
        );
        assert_eq!(float(f64::NAN).compare(float(-f64::NAN)), Ordering::Equal);
        assert_eq!(float(-0.0).compare(float(0.0)), Ordering::Equal);
    }

    #[test]
    fn zones() {
        assert_eq!(parse_zone("UTC"), Ok(0));
        assert_eq!(parse_zone("+05:30"), Ok(19_800));
        assert_eq!(parse_zone("-0100"), Ok(-3600));
        assert_eq!(parse_zone("UTC+01:00"), Ok(3600));
        assert!(parse_zone("Europe/Berlin").is_err());
        assert!(parse_zone("+19:00").is_err());
        assert!(parse_zone("+1:00:0").is_err());
    }
}
