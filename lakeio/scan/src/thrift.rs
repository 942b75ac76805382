//! Just enough of Thrift's compact protocol: page headers, and a look at a footer before the
//! Parquet crate trusts its lengths.
//!
//! Every length is checked against the bytes that are there, so that hostile input can neither
//! make us allocate more than it has nor nest deeper than a limit.

/// Deepest nesting of structs and lists that is followed.
const MAX_DEPTH: usize = 32;
/// Deepest nesting of a Parquet schema that is accepted.
const MAX_SCHEMA_DEPTH: usize = 120;

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They end before the structure does.
    Incomplete,
    /// They are not such a structure.
    Damaged,
}

type Parsed<T> = Result<T, Fault>;

const STOP: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Input { bytes, at: 0 }
    }

    fn byte(&mut self) -> Parsed<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::Incomplete)?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, count: u64) -> Parsed<&'a [u8]> {
        let count = usize::try_from(count).map_err(|_| Fault::Damaged)?;
        let end = self.at.checked_add(count).ok_or(Fault::Damaged)?;
        let taken = self.bytes.get(self.at..end).ok_or(Fault::Incomplete)?;
        self.at = end;
        Ok(taken)
    }

    fn unsigned(&mut self) -> Parsed<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Fault::Damaged);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::Damaged)
    }

    fn signed(&mut self) -> Parsed<i64> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn i32(&mut self) -> Parsed<i32> {
        i32::try_from(self.signed()?).map_err(|_| Fault::Damaged)
    }

    /// Type and id of the next field; none at the end of the struct.
    fn field(&mut self, last: &mut i16) -> Parsed<Option<(u8, i16)>> {
        let head = self.byte()?;
        if head == STOP {
            return Ok(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.signed()?).map_err(|_| Fault::Damaged)?,
            delta => last.checked_add(i16::from(delta)).ok_or(Fault::Damaged)?,
        };
        *last = id;
        Ok(Some((head & 0x0f, id)))
    }

    /// Element type and number of elements of a list.
    fn list(&mut self) -> Parsed<(u8, u64)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.unsigned()?,
            short => u64::from(short),
        };
        if count > (self.bytes.len() - self.at) as u64 {
            return Err(Fault::Incomplete);
        }
        Ok((head & 0x0f, count))
    }

    fn skip(&mut self, kind: u8, in_list: bool, depth: usize) -> Parsed<()> {
        if depth > MAX_DEPTH {
            return Err(Fault::Damaged);
        }
        match kind {
            // In a struct the value of a boolean is its type; in a list it is a byte.
            TRUE | FALSE if !in_list => {}
            TRUE | FALSE | BYTE => {
                self.byte()?;
            }
            I16 | I32 | I64 => {
                self.unsigned()?;
            }
            DOUBLE => {
                self.take(8)?;
            }
            BINARY => {
                let length = self.unsigned()?;
                self.take(length)?;
            }
            LIST | SET => {
                let (element, count) = self.list()?;
                for _ in 0..count {
                    self.skip(element, true, depth + 1)?;
                }
            }
            MAP => {
                let count = self.unsigned()?;
                if count > (self.bytes.len() - self.at) as u64 {
                    return Err(Fault::Incomplete);
                }
                if count > 0 {
                    let kinds = self.byte()?;
                    for _ in 0..count {
                        self.skip(kinds >> 4, true, depth + 1)?;
                        self.skip(kinds & 0x0f, true, depth + 1)?;
                    }
                }
            }
            STRUCT => {
                let mut last = 0;
                while let Some((kind, _)) = self.field(&mut last)? {
                    self.skip(kind, false, depth + 1)?;
                }
            }
            _ => return Err(Fault::Damaged),
        }
        Ok(())
    }
}

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    Data,
    Index,
    Dictionary,
    DataV2,
}

/// The header in front of each page. Members that a kind of page does not have are zero.
#[derive(Clone, Debug)]
pub(crate) struct PageHeader {
    pub kind: PageKind,
    pub uncompressed: u32,
    pub compressed: u32,
    pub crc: Option<u32>,
    pub values: u32,
    pub encoding: i32,
    pub definition_encoding: i32,
    pub repetition_encoding: i32,
    pub nulls: u32,
    pub rows: u32,
    pub definition_bytes: u32,
    pub repetition_bytes: u32,
    /// Of a version 2 page: whether its values are compressed.
    pub is_compressed: bool,
    pub is_sorted: bool,
}

fn natural(value: i32) -> Parsed<u32> {
    u32::try_from(value).map_err(|_| Fault::Damaged)
}

impl PageHeader {
    /// Parses the header at the front of `bytes`; also gives its length.
    pub(crate) fn parse(bytes: &[u8]) -> Parsed<(PageHeader, usize)> {
        let mut input = Input::new(bytes);
        let mut header = PageHeader {
            kind: PageKind::Data,
            uncompressed: 0,
            compressed: 0,
            crc: None,
            values: 0,
            encoding: 0,
            definition_encoding: 3,
            repetition_encoding: 3,
            nulls: 0,
            rows: 0,
            definition_bytes: 0,
            repetition_bytes: 0,
            is_compressed: true,
            is_sorted: false,
        };
        let (mut kind, mut uncompressed, mut compressed) = (None, None, None);
        let mut inner = None;
        let mut last = 0;
        while let Some((wire, id)) = input.field(&mut last)? {
            match (id, wire) {
                (1, I32) => {
                    kind = Some(match input.i32()? {
                        0 => PageKind::Data,
                        1 => PageKind::Index,
                        2 => PageKind::Dictionary,
                        3 => PageKind::DataV2,
                        _ => return Err(Fault::Damaged),
                    })
                }
                (2, I32) => uncompressed = Some(natural(input.i32()?)?),
                (3, I32) => compressed = Some(natural(input.i32()?)?),
                (4, I32) => header.crc = Some(input.i32()? as u32),
                (5, STRUCT) => {
                    inner = Some(PageKind::Data);
                    header.parse_inner(&mut input, PageKind::Data)?;
                }
                (7, STRUCT) => {
                    inner = Some(PageKind::Dictionary);
                    header.parse_inner(&mut input, PageKind::Dictionary)?;
                }
                (8, STRUCT) => {
                    inner = Some(PageKind::DataV2);
                    header.parse_inner(&mut input, PageKind::DataV2)?;
                }
                (_, wire) => input.skip(wire, false, 0)?,
            }
        }
        header.kind = kind.ok_or(Fault::Damaged)?;
        header.uncompressed = uncompressed.ok_or(Fault::Damaged)?;
        header.compressed = compressed.ok_or(Fault::Damaged)?;
        if header.kind != PageKind::Index && inner != kind {
            return Err(Fault::Damaged);
        }
        Ok((header, input.at))
    }

    fn parse_inner(&mut self, input: &mut Input<'_>, kind: PageKind) -> Parsed<()> {
        let mut last = 0;
        while let Some((wire, id)) = input.field(&mut last)? {
            match (kind, id, wire) {
                (_, 1, I32) => self.values = natural(input.i32()?)?,
                (PageKind::Data | PageKind::Dictionary, 2, I32) => self.encoding = input.i32()?,
                (PageKind::Data, 3, I32) => self.definition_encoding = input.i32()?,
                (PageKind::Data, 4, I32) => self.repetition_encoding = input.i32()?,
                (PageKind::Dictionary, 3, TRUE | FALSE) => self.is_sorted = wire == TRUE,
                (PageKind::DataV2, 2, I32) => self.nulls = natural(input.i32()?)?,
                (PageKind::DataV2, 3, I32) => self.rows = natural(input.i32()?)?,
                (PageKind::DataV2, 4, I32) => self.encoding = input.i32()?,
                (PageKind::DataV2, 5, I32) => self.definition_bytes = natural(input.i32()?)?,
                (PageKind::DataV2, 6, I32) => self.repetition_bytes = natural(input.i32()?)?,
                (PageKind::DataV2, 7, TRUE | FALSE) => self.is_compressed = wire == TRUE,
                (_, _, wire) => input.skip(wire, false, 0)?,
            }
        }
        Ok(())
    }
}

/// Fails unless `bytes` are one struct whose lengths are all within it and whose schema (field 2,
/// a list of elements with their number of children in field 5) is not nested too deeply.
pub(crate) fn check_footer(bytes: &[u8]) -> Parsed<()> {
    let mut input = Input::new(bytes);
    let mut last = 0;
    while let Some((kind, id)) = input.field(&mut last)? {
        if id == 2 && kind == LIST {
            let (element, count) = input.list()?;
            if element != STRUCT {
                return Err(Fault::Damaged);
            }
            // Children still to come, of each open group.
            let mut open: Vec<i64> = Vec::new();
            for _ in 0..count {
                let mut children = 0i64;
                let mut last = 0;
                while let Some((kind, id)) = input.field(&mut last)? {
                    match (id, kind) {
                        (5, I32) => children = i64::from(input.i32()?),
                        _ => input.skip(kind, false, 0)?,
                    }
                }
                while open.last() == Some(&0) {
                    open.pop();
                }
                if let Some(left) = open.last_mut() {
                    *left -= 1;
                }
                if children < 0 || children as u64 > count {
                    return Err(Fault::Damaged);
                }
                if children > 0 {
                    open.push(children);
                    if open.len() > MAX_SCHEMA_DEPTH {
                        return Err(Fault::Damaged);
                    }
                }
            }
        } else {
            input.skip(kind, false, 0)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// type=DATA_PAGE, sizes 100 and 50, crc -1, header of 10 values, PLAIN, RLE, RLE.
    const DATA_PAGE: &[u8] = &[
        0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0x64, 0x15, 0x01, 0x1c, 0x15, 0x14, 0x15, 0x00, 0x15,
        0x06, 0x15, 0x06, 0x00, 0x00,
    ];

    #[test]
    fn a_data_page_header() {
        let mut bytes = DATA_PAGE.to_vec();
        bytes.extend_from_slice(b"rest");
        let (header, length) = PageHeader::parse(&bytes).unwrap();
        assert_eq!(length, DATA_PAGE.len());
        assert_eq!(header.kind, PageKind::Data);
        assert_eq!((header.uncompressed, header.compressed), (100, 50));
        assert_eq!(header.crc, Some(u32::MAX));
        assert_eq!(
            (header.values, header.encoding, header.definition_encoding),
            (10, 0, 3)
        );
        for end in 0..DATA_PAGE.len() {
            assert_eq!(
                PageHeader::parse(&DATA_PAGE[..end]).unwrap_err(),
                Fault::Incomplete
            );
        }
    }

    #[test]
    fn lengths_beyond_the_bytes_are_refused() {
        // A list of 2^31 structs, a text of 2^40 bytes, a list of lists without end.
        assert!(check_footer(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]).is_err());
        assert!(check_footer(&[0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]).is_err());
        let mut deep = vec![0x19];
        deep.extend(std::iter::repeat_n(0x19, 10_000));
        assert_eq!(check_footer(&deep), Err(Fault::Damaged));
    }

    #[test]
    fn a_schema_nested_without_end_is_refused() {
        let mut bytes = vec![0x29, 0xfc];
        let count = 1000u32;
        bytes.extend([(count as u8 & 0x7f) | 0x80, (count >> 7) as u8]);
        for _ in 0..count {
            bytes.extend([0x55, 0x02, 0x00]);
        }
        bytes.push(0);
        assert_eq!(check_footer(&bytes), Err(Fault::Damaged));
    }
}
