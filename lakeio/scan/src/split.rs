//! The split: which rows of which file to read, as bytes. Versioned, plain and deterministic, it
//! carries no secret and can travel to another process. `docs/formats/scan.md` is its page.

use url::Url;

use lakeio_store::{Class, Error, Result};

use crate::scalar::Scalar;
use crate::scan::{invalid_scan, Scan};
use crate::split_bytes::{Reader, Writer};
use crate::types::DataType;

const SPLIT_VERSION: u8 = 1;

/// Where a deletion vector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionVectorStorage {
    /// `u`: a file named by a UUID under the table's root.
    Relative,
    /// `i`: in the log itself.
    Inline,
    /// `p`: a file of absolute path.
    Absolute,
}

/// A deletion vector as the log describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionVector {
    /// Where it is.
    pub storage: DeletionVectorStorage,
    /// Path or base85 text, by `storage`.
    pub path_or_inline: String,
    /// Start within the file.
    pub offset: Option<u32>,
    /// Bytes of the serialized vector.
    pub size: u32,
    /// Rows that it deletes.
    pub cardinality: u64,
}

impl DeletionVectorStorage {
    /// Parses the log's `storageType`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "u" => Some(Self::Relative),
            "i" => Some(Self::Inline),
            "p" => Some(Self::Absolute),
            _ => None,
        }
    }

    /// The log's `storageType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relative => "u",
            Self::Inline => "i",
            Self::Absolute => "p",
        }
    }
}

/// A data file as the log lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile<'a> {
    /// The log's path: relative to the table's root or absolute, percent-encoded.
    pub path: &'a str,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970.
    pub modification_time: i64,
    /// Physical name and value of each partition column.
    pub partition_values: &'a [(&'a str, Option<&'a str>)],
    /// Rows that are deleted.
    pub deletion_vector: Option<DeletionVector>,
    /// Rows in the file, deleted ones included, where the statistics say.
    pub rows: Option<u64>,
    /// Row tracking's first id.
    pub base_row_id: Option<i64>,
}

/// A data file or a row-group range of it, with what of the log reading it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    scan: u32,
    path: String,
    size: u64,
    modification_time: i64,
    partition_values: Vec<Option<String>>,
    deletion_vector: Option<DeletionVector>,
    row_groups: Option<std::ops::Range<u32>>,
    rows: Option<u64>,
    base_row_id: Option<i64>,
}

impl Split {
    /// The split that is a whole file. Fails with `DELTA_LOG_CORRUPT` when the file lacks the value
    /// of a partition column, or has one that is not of the column's type.
    pub fn new(scan: &Scan, file: &DataFile<'_>) -> Result<Split> {
        let corrupt =
            |message: String| Error::new(Class::DeltaLogCorrupt, message).with("path", file.path);
        let mut values = Vec::with_capacity(scan.partition_columns().len());
        for name in scan.partition_columns() {
            let field = scan
                .field(name)
                .ok_or_else(|| Error::internal("an unchecked scan"))?;
            // Logs of before a table was mapped by name have logical names, which are then physical.
            let found = file
                .partition_values
                .iter()
                .find(|(key, _)| *key == field.physical());
            let (_, value) = found.ok_or_else(|| {
                corrupt(format!("a file has no value of a partition column: {name}"))
            })?;
            values.push(value.map(String::from));
        }
        let split = Split {
            scan: scan.identity(),
            path: file.path.to_string(),
            size: file.size,
            modification_time: file.modification_time,
            partition_values: values,
            deletion_vector: file.deletion_vector.clone(),
            row_groups: None,
            rows: file.rows,
            base_row_id: file.base_row_id,
        };
        split.partition_scalars(scan)?;
        Ok(split)
    }

    /// The part of a file that these row groups are. `rows`: rows in them, deleted ones included.
    pub fn part(&self, row_groups: std::ops::Range<u32>, rows: u64) -> Split {
        Split {
            row_groups: Some(row_groups),
            rows: Some(rows),
            ..self.clone()
        }
    }

    /// The log's path: relative to the table's root or absolute, percent-encoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// As `path`, of a split that is not needed any more.
    pub fn into_path(self) -> String {
        self.path
    }

    /// URL of the data file.
    pub fn url(&self, scan: &Scan) -> Result<Url> {
        resolve(scan.table(), &self.path)
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Milliseconds since 1970 when the file was written.
    pub fn modification_time(&self) -> i64 {
        self.modification_time
    }

    /// Rows that are deleted.
    pub fn deletion_vector(&self) -> Option<&DeletionVector> {
        self.deletion_vector.as_ref()
    }

    /// The row groups that belong to the split; none: all.
    pub fn row_groups(&self) -> Option<std::ops::Range<u32>> {
        self.row_groups.clone()
    }

    /// Rows of the split, deleted ones included, where known.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Row tracking's first id of the file.
    pub fn base_row_id(&self) -> Option<i64> {
        self.base_row_id
    }

    /// Fails unless the split was made for `scan`.
    pub fn check(&self, scan: &Scan) -> Result<()> {
        if self.scan == scan.identity()
            && self.partition_values.len() == scan.partition_columns().len()
        {
            return Ok(());
        }
        Err(
            invalid_scan("the split belongs to another scan; list the splits of this one")
                .at(&self.path),
        )
    }

    /// The values of the scan's partition columns, in their order.
    pub fn partition_scalars(&self, scan: &Scan) -> Result<Vec<Option<Scalar>>> {
        let zone = scan.partition_zone_seconds();
        let mut scalars = Vec::with_capacity(self.partition_values.len());
        for (name, value) in scan.partition_columns().iter().zip(&self.partition_values) {
            let Some(DataType::Primitive(primitive)) = scan.field(name).map(|f| &f.data_type)
            else {
                return Err(Error::internal("an unchecked scan"));
            };
            let scalar =
                Scalar::parse_partition(*primitive, value.as_deref(), zone).map_err(|reason| {
                    let value = value.as_deref().unwrap_or_default();
                    Error::new(
                        Class::DeltaLogCorrupt,
                        format!("a partition value of column {name} is {reason}: {value}"),
                    )
                    .with("path", &self.path)
                    .with("column", name)
                })?;
            scalars.push(scalar);
        }
        Ok(scalars)
    }

    /// The split as bytes. Equal splits give equal bytes.
    pub fn print(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(self.path.len() + 96));
        out.0.push(SPLIT_VERSION);
        out.0.extend_from_slice(&self.scan.to_le_bytes());
        out.text(&self.path);
        out.number(self.size);
        out.signed(self.modification_time);
        out.number(self.partition_values.len() as u64);
        for value in &self.partition_values {
            out.option(value.as_ref(), |out, value| out.text(value));
        }
        out.option(self.deletion_vector.as_ref(), |out, vector| {
            out.0.push(vector.storage.name().as_bytes()[0]);
            out.text(&vector.path_or_inline);
            out.option(vector.offset, |out, offset| out.number(offset.into()));
            out.number(vector.size.into());
            out.number(vector.cardinality);
        });
        out.option(self.row_groups.as_ref(), |out, range| {
            out.number(range.start.into());
            out.number(range.end.into());
        });
        out.option(self.rows, Writer::number);
        out.option(self.base_row_id, Writer::signed);
        let check = crc32fast::hash(&out.0);
        out.0.extend_from_slice(&check.to_le_bytes());
        out.0
    }

    /// Parses the bytes. Anything that `print` did not give is `INVALID_SCAN`.
    pub fn parse(bytes: &[u8]) -> Result<Split> {
        let damaged = || invalid_scan("the split is damaged; list the splits anew");
        match bytes.first() {
            Some(&SPLIT_VERSION) => {}
            Some(version) => {
                return Err(invalid_scan(format!(
                    "the split has a version that is not known: {version}; list the splits anew"
                )))
            }
            None => return Err(damaged()),
        }
        let (body, check) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*check) {
            return Err(damaged());
        }
        let mut input = Reader(&body[1..]);
        Self::read(&mut input)
            .filter(|_| input.0.is_empty())
            .ok_or_else(damaged)
    }

    fn read(input: &mut Reader<'_>) -> Option<Split> {
        let small = |value: u64| u32::try_from(value).ok();
        let scan = u32::from_le_bytes(input.bytes(4)?.try_into().ok()?);
        let path = input.text()?;
        let size = input.number()?;
        let modification_time = input.signed()?;
        let count = usize::try_from(input.number()?)
            .ok()
            .filter(|n| *n <= input.0.len())?;
        let mut partition_values = Vec::with_capacity(count);
        for _ in 0..count {
            partition_values.push(input.option(Reader::text)?);
        }
        let deletion_vector = input.option(|input| {
            let storage = std::str::from_utf8(input.bytes(1)?).ok()?;
            Some(DeletionVector {
                storage: DeletionVectorStorage::parse(storage)?,
                path_or_inline: input.text()?,
                offset: input.option(|input| small(input.number()?))?,
                size: small(input.number()?)?,
                cardinality: input.number()?,
            })
        })?;
        let row_groups = input.option(|input| {
            let (start, end) = (small(input.number()?)?, small(input.number()?)?);
            (start <= end).then_some(start..end)
        })?;
        Some(Split {
            scan,
            path,
            size,
            modification_time,
            partition_values,
            deletion_vector,
            row_groups,
            rows: input.option(Reader::number)?,
            base_row_id: input.option(Reader::signed)?,
        })
    }
}

/// Resolves a path of the log: relative to the table's root, or absolute; percent-encoded.
pub(crate) fn resolve(table: &Url, path: &str) -> Result<Url> {
    let bad = |reason: String| {
        Error::new(
            Class::DeltaLogCorrupt,
            format!("a path of the log is not valid: {reason}"),
        )
        .at(path)
    };
    let scheme = path
        .split_once(':')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        });
    if let (Some(_), Ok(url)) = (scheme, Url::parse(path)) {
        return Ok(url);
    }
    if path.is_empty() {
        return Err(bad("it is empty".into()));
    }
    let mut url = table.clone();
    let joined = if path.starts_with('/') {
        path.to_string()
    } else {
        format!("{}{path}", table.path())
    };
    // `set_path` keeps percent-encoded bytes as they are and takes `?` and `#` for path text.
    url.set_path(&joined);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::tests::scan;

    fn file<'a>(values: &'a [(&'a str, Option<&'a str>)]) -> DataFile<'a> {
        DataFile {
            path: "q=a%2520b/part-1.parquet",
            size: 123_456_789_012,
            modification_time: -5,
            partition_values: values,
            deletion_vector: Some(DeletionVector {
                storage: DeletionVectorStorage::Relative,
                path_or_inline: "ab^-aqEH.-t@S}K{vb[*k^".into(),
                offset: Some(1),
                size: 40,
                cardinality: 6,
            }),
            rows: Some(1000),
            base_row_id: Some(-1),
        }
    }

    fn values() -> Vec<(&'static str, Option<&'static str>)> {
        vec![("col-2", Some("2024-02-29")), ("col-3", None)]
    }

    #[test]
    fn a_split_survives_parse_and_print_and_nothing_else_does() {
        let scan = scan(Some(&["id", "q", "p"]), None).unwrap();
        let values = values();
        let whole = Split::new(&scan, &file(&values)).unwrap();
        assert_eq!(
            whole.partition_scalars(&scan).unwrap(),
            [None, Some(Scalar::Date(19_782))]
        );
        assert_eq!(
            whole.url(&scan).unwrap().as_str(),
            "s3://bucket/a%20b/t/q=a%2520b/part-1.parquet"
        );
        let part = whole.part(2..5, 77);
        for split in [&whole, &part] {
            let bytes = split.print();
            assert_eq!(&Split::parse(&bytes).unwrap(), split);
            for end in 0..bytes.len() {
                assert!(Split::parse(&bytes[..end]).is_err());
            }
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(
                    Split::parse(&flipped).unwrap_err().class(),
                    Class::InvalidScan
                );
            }
        }
        whole.check(&scan).unwrap();
        // Which columns are given decides no rows; which are there to be read does.
        let reordered = crate::scan::tests::scan(Some(&["id", "p", "q"]), None).unwrap();
        whole.check(&reordered).unwrap();
        let other = crate::scan::tests::scan(Some(&["id", "q"]), None).unwrap();
        assert_eq!(whole.check(&other).unwrap_err().class(), Class::InvalidScan);
    }

    #[test]
    fn partition_values_are_checked() {
        let scan = scan(Some(&["p"]), None).unwrap();
        for values in [vec![], vec![("col-2", Some("tomorrow"))]] {
            let error = Split::new(&scan, &file(&values)).unwrap_err();
            assert_eq!(error.class(), Class::DeltaLogCorrupt);
        }
    }

    #[test]
    fn log_paths() {
        let table = Url::parse("file:///lake/t%20x/").unwrap();
        let resolved = |path: &str| resolve(&table, path).unwrap().to_string();
        assert_eq!(
            resolved("a%20b.parquet"),
            "file:///lake/t%20x/a%20b.parquet"
        );
        assert_eq!(resolved("p=a%253Ab/x"), "file:///lake/t%20x/p=a%253Ab/x");
        assert_eq!(resolved("p=a:b/x"), "file:///lake/t%20x/p=a:b/x");
        assert_eq!(resolved("s3://other/x%20y"), "s3://other/x%20y");
        assert_eq!(resolved("file:/abs/x"), "file:///abs/x");
        assert_eq!(resolved("/abs/x"), "file:///abs/x");
        assert_eq!(resolved("q?x#y"), "file:///lake/t%20x/q%3Fx%23y");
        assert!(resolve(&table, "").is_err());
    }
}
