//! Values as a Delta log writes them: partition values, and bounds in statistics.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Int8Type, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

/// A date as `2024-01-31`; `None` outside the years 1 to 9999.
fn date(days: i32) -> Option<String> {
    let date = NaiveDate::from_num_days_from_ce_opt(days.checked_add(719_163)?)?;
    (1..=9999)
        .contains(&date.year())
        .then(|| date.format("%Y-%m-%d").to_string())
}

fn moment(micros: i64) -> Option<NaiveDateTime> {
    let moment = DateTime::from_timestamp_micros(micros)?.naive_utc();
    (1..=9999).contains(&moment.year()).then_some(moment)
}

/// A moment with microseconds, as partition values have it.
fn moment_text(micros: i64, zone: bool) -> Option<String> {
    let moment = moment(micros)?;
    let pattern = if zone {
        "%Y-%m-%dT%H:%M:%S%.6fZ"
    } else {
        "%Y-%m-%d %H:%M:%S%.6f"
    };
    Some(moment.format(pattern).to_string())
}

/// A moment in milliseconds, as statistics have it; rounded up when it is an upper bound.
fn moment_bound(micros: i64, zone: bool, upper: bool) -> Option<String> {
    let extra = if upper && micros.rem_euclid(1000) != 0 {
        1
    } else {
        0
    };
    let millis = micros.div_euclid(1000) + extra;
    let moment = moment(millis.checked_mul(1000)?)?;
    let text = format!(
        "{}T{:02}:{:02}:{:02}.{:03}",
        moment.format("%Y-%m-%d"),
        moment.hour(),
        moment.minute(),
        moment.second(),
        moment.nanosecond() / 1_000_000
    );
    Some(if zone { text + "Z" } else { text })
}

fn decimal(value: i128, scale: i8) -> String {
    let Ok(scale) = usize::try_from(scale) else {
        return value.to_string();
    };
    if scale == 0 {
        return value.to_string();
    }
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{whole}.{fraction}")
}

/// The text that stands for a cell in partition values; `Err` says why there is none.
pub(crate) fn partition_value(
    column: &dyn Array,
    row: usize,
) -> std::result::Result<Option<String>, &'static str> {
    if column.is_null(row) {
        return Ok(None);
    }
    let range = "is outside the years 1 to 9999";
    Ok(Some(match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => float_text(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => float_text(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            decimal(column.as_primitive::<Decimal128Type>().value(row), *scale)
        }
        DataType::Utf8 => match column.as_string::<i32>().value(row) {
            "" => return Err("is empty text, which a partition column cannot hold"),
            "__HIVE_DEFAULT_PARTITION__" => {
                return Err("is the text that stands for NULL in partition columns")
            }
            text => text.to_string(),
        },
        DataType::Date32 => date(column.as_primitive::<Date32Type>().value(row)).ok_or(range)?,
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            moment_text(micros, zone.is_some()).ok_or(range)?
        }
        _ => return Err("has a type that cannot partition a table"),
    }))
}

fn float_text<F: std::fmt::Display + std::fmt::Debug + Into<f64> + Copy>(value: F) -> String {
    let wide: f64 = value.into();
    if wide.is_nan() {
        "NaN".into()
    } else if wide.is_infinite() {
        if wide > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        format!("{value:?}")
    }
}

/// The JSON text of a cell as a lower or upper bound; `None` where none can be given.
pub(crate) fn bound(column: &dyn Array, row: usize, upper: bool) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    let quoted = |text: String| serde_json::Value::String(text).to_string();
    Some(match column.data_type() {
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(row);
            value.is_finite().then(|| float_text(value))?
        }
        DataType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            value.is_finite().then(|| float_text(value))?
        }
        DataType::Decimal128(_, scale) => {
            decimal(column.as_primitive::<Decimal128Type>().value(row), *scale)
        }
        DataType::Utf8 => {
            let text = column.as_string::<i32>().value(row);
            quoted(if upper {
                text_above(text)?
            } else {
                text_below(text).to_string()
            })
        }
        DataType::Date32 => quoted(date(column.as_primitive::<Date32Type>().value(row))?),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            quoted(moment_bound(micros, zone.is_some(), upper)?)
        }
        _ => return None,
    })
}

/// Characters of text that statistics keep.
const KEPT: usize = 32;

fn text_below(text: &str) -> &str {
    match text.char_indices().nth(KEPT) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Text that is not less than any text with the same beginning.
fn text_above(text: &str) -> Option<String> {
    let Some((end, _)) = text.char_indices().nth(KEPT) else {
        return Some(text.to_string());
    };
    // The greatest character makes it greater than whatever followed, unless that begins with it.
    if text[end..].starts_with(char::MAX) {
        return None;
    }
    Some(format!("{}{}", &text[..end], char::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        ArrayRef, Date32Array, Decimal128Array, Float64Array, StringArray,
        TimestampMicrosecondArray,
    };
    use std::sync::Arc;

    fn value(column: ArrayRef) -> std::result::Result<Option<String>, &'static str> {
        partition_value(column.as_ref(), 0)
    }

    #[test]
    fn partition_values_in_the_words_of_the_protocol() {
        let ts = TimestampMicrosecondArray::from(vec![-1]);
        assert_eq!(
            value(Arc::new(ts.clone().with_timezone("UTC"))),
            Ok(Some("1969-12-31T23:59:59.999999Z".into()))
        );
        assert_eq!(
            value(Arc::new(ts)),
            Ok(Some("1969-12-31 23:59:59.999999".into()))
        );
        assert_eq!(
            value(Arc::new(Date32Array::from(vec![19_789]))),
            Ok(Some("2024-03-07".into()))
        );
        let small = Decimal128Array::from(vec![-5])
            .with_precision_and_scale(9, 3)
            .unwrap();
        assert_eq!(value(Arc::new(small)), Ok(Some("-0.005".into())));
        assert_eq!(
            value(Arc::new(Float64Array::from(vec![1.0]))),
            Ok(Some("1.0".into()))
        );
        assert!(value(Arc::new(StringArray::from(vec![""]))).is_err());
        assert_eq!(
            value(Arc::new(StringArray::from(vec![None::<&str>]))),
            Ok(None)
        );
    }

    #[test]
    fn bounds_hold() {
        let long = "x".repeat(40);
        let text: ArrayRef = Arc::new(StringArray::from(vec![long.as_str()]));
        let below: String = serde_json::from_str(&bound(text.as_ref(), 0, false).unwrap()).unwrap();
        let above: String = serde_json::from_str(&bound(text.as_ref(), 0, true).unwrap()).unwrap();
        assert!(below.as_bytes() <= long.as_bytes() && above.as_bytes() >= long.as_bytes());
        let ts: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-1500, 1500]));
        assert_eq!(
            bound(ts.as_ref(), 0, false).unwrap(),
            "\"1969-12-31T23:59:59.998\""
        );
        assert_eq!(
            bound(ts.as_ref(), 0, true).unwrap(),
            "\"1969-12-31T23:59:59.999\""
        );
        assert_eq!(
            bound(ts.as_ref(), 1, true).unwrap(),
            "\"1970-01-01T00:00:00.002\""
        );
        let nan: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
        assert_eq!(bound(nan.as_ref(), 0, true), None);
    }
}
