//! Numbers by their exact value: decimals, integers and IEEE numbers compared across types,
//! decimals parsed and rescaled. Nothing is rounded on the way.

use std::cmp::Ordering;

/// A number of any kind, for comparison by value.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Unscaled value and scale (decimal digits after the point).
    Exact(i128, u8),
    /// An IEEE number.
    Float(f64),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
