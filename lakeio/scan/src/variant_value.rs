//! The bytes of a variant: its dictionary of names and its values, walked in place.
//!
//! The format is the Variant encoding specification of the Parquet project. Nothing of the bytes is
//! believed: every offset is checked, and what could be an endless tree comes to an end.

use std::cell::Cell;

use crate::variant_text::{
    print_base64, print_date, print_decimal, print_double, print_float, print_number, print_text,
    print_time, print_timestamp, print_uuid, quoted, Broken,
};

/// Deepest nesting of a value that is followed.
pub(crate) const MAX_DEPTH: usize = 200;
/// Most values and most bytes of text of one variant; Spark allows 128 MiB of a value.
const MAX_VALUES: usize = 16 << 20;
const MAX_TEXT: usize = 256 << 20;

const SHORT: Broken = "it ends too early";
pub(crate) const NOT_TEXT: Broken = "a text is not valid UTF-8";

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
pub(crate) struct Names<'a> {
    bytes: &'a [u8],
    width: usize,
    count: usize,
    /// Values that may still be printed: damaged offsets could make a few bytes an endless tree.
    left: Cell<usize>,
}

impl<'a> Names<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Names<'a>, Broken> {
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

    pub(crate) fn get(&self, id: usize) -> Result<&'a str, Broken> {
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
pub(crate) struct Object<'a> {
    bytes: &'a [u8],
    pub count: usize,
    ids: usize,
    id_width: usize,
    offsets: usize,
    offset_width: usize,
    values: usize,
}

impl<'a> Object<'a> {
    /// None when the value is not an object.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Object<'a>>, Broken> {
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

    pub(crate) fn field_id(&self, at: usize) -> Result<usize, Broken> {
        number_at(self.bytes, self.ids + at * self.id_width, self.id_width)
    }

    pub(crate) fn value(&self, at: usize) -> Result<&'a [u8], Broken> {
        let offset = number_at(
            self.bytes,
            self.offsets + at * self.offset_width,
            self.offset_width,
        )?;
        self.bytes.get(self.values + offset..).ok_or(SHORT)
    }
}

/// One of the two values would be lost.
pub(crate) const NAMED_TWICE: Broken = "an object names a member twice";

/// Prints the value at the front of `bytes`.
pub(crate) fn print_value(
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
        2 => print_object(names, bytes, out, depth),
        _ => print_array(names, bytes, out, depth),
    }
}

/// Prints an object, its members in the order of their names.
fn print_object(
    names: &Names<'_>,
    bytes: &[u8],
    out: &mut String,
    depth: usize,
) -> Result<(), Broken> {
    let object = Object::parse(bytes)?.ok_or(SHORT)?;
    let mut members = Vec::with_capacity(object.count);
    for at in 0..object.count {
        members.push((names.get(object.field_id(at)?)?, object.value(at)?));
    }
    if !members.is_sorted_by_key(|(name, _)| name.as_bytes()) {
        members.sort_by_key(|(name, _)| name.as_bytes());
    }
    if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(NAMED_TWICE);
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

fn print_array(
    names: &Names<'_>,
    bytes: &[u8],
    out: &mut String,
    depth: usize,
) -> Result<(), Broken> {
    let header = bytes.first().ok_or(SHORT)? >> 2;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: &[u8]) -> Result<String, Broken> {
        let names = Names::parse(&[1, 2, 0, 1, 2, b'b', b'a'])?;
        let mut out = String::new();
        print_value(&names, bytes, &mut out, 0).map(|_| out)
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
    fn a_member_named_twice_is_damage() {
        // {b: 1, b: 2}.
        let bytes = [0x02, 2, 1, 1, 0, 2, 4, 0x0c, 1, 0x0c, 2];
        assert_eq!(value(&bytes), Err(NAMED_TWICE));
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
