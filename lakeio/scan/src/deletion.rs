//! Deletion vectors: which rows of a data file are deleted. The format is the one of the Delta
//! protocol, section "Deletion Vectors".

use std::collections::VecDeque;
use std::iter::Peekable;

use bytes::Bytes;
use roaring::{treemap, RoaringBitmap, RoaringTreemap};
use url::Url;

use lakeio_store::{Call, Class, Error, Location, Result, Runtime};

use crate::data_file::of_data_file;
use crate::split::{resolve, DeletionVector, DeletionVectorStorage};

/// Magic number, little-endian, of the serialization that the protocol prescribes.
const PORTABLE: u32 = 1_681_511_377;
/// Magic number, big-endian, of the one that its example of an inline vector has: a number of
/// bitmaps, each after its size.
const NATIVE: u32 = 1_681_511_376;
/// Bytes of a UUID in base 85.
const UUID_DIGITS: usize = 20;
/// Where a vector begins when its descriptor does not say: after the file's version.
const FIRST_OFFSET: u64 = 1;

fn corrupt(message: impl Into<String>) -> Error {
    Error::new(
        Class::DataFileCorrupt,
        format!("a deletion vector is damaged: {}", message.into()),
    )
}

/// Reads the rows that `vector` deletes. Blocks. `DATA_FILE_MISSING` or `DATA_FILE_CORRUPT` name
/// the vector's file.
pub(crate) fn read(
    runtime: &Runtime,
    call: &Call,
    location: &Location,
    table: &Url,
    vector: &DeletionVector,
) -> Result<RoaringTreemap> {
    let (bytes, object) = match vector.storage {
        DeletionVectorStorage::Inline => {
            let mut bytes = base85(&vector.path_or_inline)
                .ok_or_else(|| corrupt("its inline text is not base 85"))?;
            // The text is padded to groups of four bytes.
            if bytes.len() < vector.size as usize {
                return Err(corrupt("its inline text is shorter than the log says"));
            }
            bytes.truncate(vector.size as usize);
            (Bytes::from(bytes), String::new())
        }
        DeletionVectorStorage::Relative | DeletionVectorStorage::Absolute => {
            let url = url_of(table, vector)?;
            let bytes = read_file(runtime, call, location, &url, vector).map_err(|e| e.at(&url))?;
            (bytes, url.to_string())
        }
    };
    parse(&bytes, vector).map_err(|e| e.at(object))
}

fn url_of(table: &Url, vector: &DeletionVector) -> Result<Url> {
    if vector.storage == DeletionVectorStorage::Absolute {
        return resolve(table, &vector.path_or_inline);
    }
    let text = &vector.path_or_inline;
    let bad = || corrupt(format!("its path does not end in a UUID: {text}"));
    let at = text
        .len()
        .checked_sub(UUID_DIGITS)
        .filter(|at| text.is_char_boundary(*at));
    let (prefix, digits) = text.split_at(at.ok_or_else(bad)?);
    let uuid = base85(digits)
        .filter(|uuid| uuid.len() == 16)
        .ok_or_else(bad)?;
    let mut name = String::new();
    if !prefix.is_empty() {
        name.push_str(prefix);
        name.push('/');
    }
    name.push_str("deletion_vector_");
    for (at, byte) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            name.push('-');
        }
        name.push_str(&format!("{byte:02x}"));
    }
    name.push_str(".bin");
    resolve(table, &name)
}

fn read_file(
    runtime: &Runtime,
    call: &Call,
    location: &Location,
    url: &Url,
    vector: &DeletionVector,
) -> Result<Bytes> {
    let store = runtime
        .store_for(location, url)
        .map_err(|e| of_data_file(e).at(url))?;
    let start = vector.offset.map_or(FIRST_OFFSET, u64::from);
    let size = u64::from(vector.size);
    let end = start + 4 + size + 4;
    let bytes = runtime
        .block_on(call, store.get_range(call, url, start..end))
        .map_err(|e| of_data_file(e).context("read deletion vector"))?;
    let (head, rest) = bytes.split_at(4);
    let (body, check) = rest.split_at(rest.len() - 4);
    let number = |b: &[u8]| u32::from_be_bytes([b[0], b[1], b[2], b[3]]);
    if u64::from(number(head)) != size {
        return Err(corrupt("its size is not what the log says"));
    }
    if crc32fast::hash(body) != number(check) {
        return Err(corrupt("its checksum does not match"));
    }
    Ok(bytes.slice(4..bytes.len() - 4))
}

fn parse(bytes: &[u8], vector: &DeletionVector) -> Result<RoaringTreemap> {
    let (magic, body) = bytes
        .split_first_chunk::<4>()
        .ok_or_else(|| corrupt("it has no magic number"))?;
    let unreadable = |e: std::io::Error| corrupt(format!("its bitmap cannot be read: {e}"));
    let rows = if u32::from_le_bytes(*magic) == PORTABLE {
        RoaringTreemap::deserialize_from(body).map_err(unreadable)?
    } else if u32::from_be_bytes(*magic) == NATIVE {
        parse_native(body).ok_or_else(|| corrupt("its bitmaps cannot be read"))?
    } else {
        return Err(corrupt("its serialization is not known"));
    };
    if rows.len() != vector.cardinality {
        return Err(corrupt(format!(
            "it deletes {} rows where the log says {}",
            rows.len(),
            vector.cardinality
        )));
    }
    Ok(rows)
}

fn parse_native(bytes: &[u8]) -> Option<RoaringTreemap> {
    let (count, mut rest) = bytes.split_first_chunk::<4>()?;
    let mut bitmaps = Vec::new();
    for high in 0..u32::from_be_bytes(*count) {
        let (size, tail) = rest.split_first_chunk::<4>()?;
        let (bitmap, tail) = tail.split_at_checked(u32::from_be_bytes(*size) as usize)?;
        bitmaps.push((high, RoaringBitmap::deserialize_from(bitmap).ok()?));
        rest = tail;
    }
    Some(RoaringTreemap::from_bitmaps(bitmaps))
}

/// Bytes of a Z85 text; none when it is not one.
fn base85(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 85] =
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let text = text.as_bytes();
    if !text.len().is_multiple_of(5) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 5 * 4);
    for group in text.chunks(5) {
        let mut value = 0u64;
        for digit in group {
            value = value * 85 + DIGITS.iter().position(|d| d == digit)? as u64;
        }
        bytes.extend(u32::try_from(value).ok()?.to_be_bytes());
    }
    Some(bytes)
}

/// Deleted rows, asked for in ascending order.
pub(crate) struct Deleted {
    rows: Option<Peekable<treemap::IntoIter>>,
    /// Rows taken from `rows` that are still to be passed.
    taken: VecDeque<u64>,
}

impl Deleted {
    /// None: no row is deleted.
    pub(crate) fn new(rows: Option<RoaringTreemap>) -> Self {
        Deleted {
            rows: rows.map(|rows| rows.into_iter().peekable()),
            taken: VecDeque::new(),
        }
    }

    /// Deleted rows in `first..end`, counted from `first`. May be asked again until they are passed.
    pub(crate) fn within(&mut self, first: u64, end: u64) -> Vec<usize> {
        let Some(rows) = &mut self.rows else {
            return Vec::new();
        };
        while let Some(row) = rows.next_if(|row| *row < end) {
            if row >= first {
                self.taken.push_back(row);
            }
        }
        let wanted = self.taken.iter().filter(|row| (first..end).contains(*row));
        wanted.map(|row| (row - first) as usize).collect()
    }

    /// Rows before `end` will not be asked for again.
    pub(crate) fn pass(&mut self, end: u64) {
        while self.taken.front().is_some_and(|row| *row < end) {
            self.taken.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(storage: DeletionVectorStorage, text: &str, size: u32) -> DeletionVector {
        DeletionVector {
            storage,
            path_or_inline: text.into(),
            offset: None,
            size,
            cardinality: 6,
        }
    }

    #[test]
    fn paths() {
        let table = Url::parse("s3://b/t/").unwrap();
        let url = |text: &str, storage| url_of(&table, &vector(storage, text, 40));
        use DeletionVectorStorage::{Absolute, Relative};
        assert_eq!(
            url("ab^-aqEH.-t@S}K{vb[*k^", Relative).unwrap().as_str(),
            "s3://b/t/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"
        );
        assert_eq!(
            url("^-aqEH.-t@S}K{vb[*k^", Relative).unwrap().as_str(),
            "s3://b/t/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"
        );
        assert_eq!(
            url("s3://c/x.bin", Absolute).unwrap().as_str(),
            "s3://c/x.bin"
        );
        assert!(url("short", Relative).is_err());
        assert!(url("ä-aqEH.-t@S}K{vb[*k^", Relative).is_err());
    }

    #[test]
    fn inline_vectors() {
        // The protocol's own example and the same rows as it prescribes.
        for (text, size) in [
            ("wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", 40),
            (
                "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
                44,
            ),
        ] {
            let bytes = base85(text).unwrap();
            let descriptor = vector(DeletionVectorStorage::Inline, text, size);
            let rows = parse(&bytes, &descriptor).unwrap();
            assert_eq!(rows.iter().collect::<Vec<_>>(), [3, 4, 7, 11, 18, 29]);
            for end in 0..bytes.len() {
                assert!(parse(&bytes[..end], &descriptor).is_err());
            }
            let more = DeletionVector {
                cardinality: 7,
                ..descriptor
            };
            assert_eq!(
                parse(&bytes, &more).unwrap_err().class(),
                Class::DataFileCorrupt
            );
        }
        assert!(base85("wi5b").is_none());
        assert!(base85("#####").is_none());
    }
}
