//! How a value of a variant looks as JSON text: what Spark's `to_json` prints in UTC.
//!
//! Numbers and texts as JSON has them; decimals without trailing zeros; floats as Java prints them;
//! dates, times and bytes (base64) as strings.

use std::fmt::Write;

use crate::civil::{civil_from_days, DAY_MICROS};

const DAY_NANOS: i64 = DAY_MICROS * 1000;

/// Why a variant could not be printed.
pub(crate) type Broken = &'static str;

pub(crate) fn print_number(value: i64, out: &mut String) {
    let _ = write!(out, "{value}");
}

/// Without trailing zeros and without an exponent.
pub(crate) fn print_decimal(unscaled: i128, scale: i32, out: &mut String) -> Result<(), Broken> {
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

/// As Java prints a double; what is not finite as `NaN`, `Infinity` or `-Infinity`.
pub(crate) fn print_double(value: f64, out: &mut String) {
    print_ieee(
        value.is_nan(),
        value.is_finite(),
        value < 0.0,
        &format!("{value:e}"),
        out,
    );
}

/// As `print_double`, a float.
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
            (true, _) => "NaN",
            (false, true) => "-Infinity",
            (false, false) => "Infinity",
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

pub(crate) fn quoted(
    out: &mut String,
    print: impl FnOnce(&mut String) -> Result<(), Broken>,
) -> Result<(), Broken> {
    out.push('"');
    print(out)?;
    out.push('"');
    Ok(())
}

pub(crate) fn print_date(day: i64, out: &mut String) -> Result<(), Broken> {
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
pub(crate) fn print_time(ticks: i64, per_second: i64, out: &mut String) -> Result<(), Broken> {
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

pub(crate) fn print_timestamp(
    ticks: i64,
    per_second: i64,
    utc: bool,
    out: &mut String,
) -> Result<(), Broken> {
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

pub(crate) fn print_text(text: &str, out: &mut String) {
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

pub(crate) fn print_base64(bytes: &[u8], out: &mut String) {
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

pub(crate) fn print_uuid(bytes: &[u8], out: &mut String) -> Result<(), Broken> {
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
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(v), text);
        }
        let mut out = String::new();
        print_float(0.1, &mut out);
        assert_eq!(out, "0.1");
    }
}
