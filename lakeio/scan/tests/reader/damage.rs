//! Damaged, missing and outsized data: an error that names the object, never a panic, a hang, part
//! of a file, or memory without bounds.

use std::sync::Arc;

use crate::files::{array, column, OneFile, Random};
use arrow::array::*;
use lakeio_log::ReadSpec;
use lakeio_scan::{DeletionVector, DeletionVectorStorage, ReadOptions, SplitReader};
use lakeio_store::{Call, Cancel, Class, Location, Runtime};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::json;

fn runtime() -> Runtime {
    Runtime::with_defaults().unwrap()
}

fn small_file(compression: Compression) -> OneFile {
    let file = OneFile::new(vec![
        column("id", json!("long")),
        column("text", json!("string")),
        column("list", array(json!("integer"))),
    ]);
    let mut lists = ListBuilder::new(Int32Builder::new());
    for row in 0..200 {
        for value in 0..row % 4 {
            lists.values().append_value(value);
        }
        lists.append(row % 5 != 0);
    }
    let texts = (0..200).map(|row| (row % 3 != 0).then(|| format!("text {}", row % 17)));
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_data_page_row_count_limit(64);
    file.write_arrow(
        vec![
            ("id", Arc::new(Int64Array::from_iter_values(0..200))),
            ("text", Arc::new(StringArray::from_iter(texts))),
            ("list", Arc::new(lists.finish())),
        ],
        properties.build(),
    );
    file
}

#[test]
fn every_truncation_is_an_error() {
    let runtime = runtime();
    let file = small_file(Compression::SNAPPY);
    let bytes = file.bytes();
    for end in 0..bytes.len() {
        file.set_bytes(&bytes[..end]);
        let error = file.read(&runtime).unwrap_err();
        assert_eq!(error.class(), Class::DataFileCorrupt, "{end}: {error:?}");
        assert!(error.object().ends_with("part.parquet"));
    }
}

#[test]
fn no_flipped_bit_panics_or_hangs() {
    let runtime = runtime();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let file = small_file(compression);
        let bytes = file.bytes();
        let step = if cfg!(debug_assertions) { 31 } else { 5 };
        for bit in (0..bytes.len() * 8).step_by(step) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            file.set_bytes(&flipped);
            if let Err(error) = file.read(&runtime) {
                assert_ne!(error.class(), Class::Internal, "{bit} {error:?}");
            }
        }
    }
}

#[test]
fn no_random_damage_panics_or_hangs() {
    let runtime = runtime();
    let mut random = Random(11);
    let file = small_file(Compression::UNCOMPRESSED);
    let bytes = file.bytes();
    for _ in 0..3000 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + random.below(8) {
            let at = random.below(damaged.len() as u64) as usize;
            match random.below(3) {
                0 => damaged[at] = *random.pick(&[0, 0xff, 0x7f, 0x80]),
                1 => {
                    let length = (1 + random.below(8) as usize).min(damaged.len() - at);
                    let from = random.below((damaged.len() - length) as u64) as usize;
                    damaged.copy_within(from..from + length, at);
                }
                _ => damaged[at] = random.next() as u8,
            }
        }
        file.set_bytes(&damaged);
        if let Err(error) = file.read(&runtime) {
            assert_ne!(error.class(), Class::Internal, "{error:?}");
        }
    }
}

/// Spark writes a checksum over every page.
#[test]
fn a_flipped_bit_in_a_page_with_a_checksum_is_noticed() {
    let table = crate::tables::Unpacked::new("dv");
    let runtime = runtime();
    let location = table.location();
    let opened = crate::tables::open(&runtime, &location, None);
    let scan = opened.scan(&ReadSpec::default()).unwrap();
    let split = crate::tables::splits(&opened, &scan, 0).remove(0);
    let path = table.path().join(split.path());
    let bytes = std::fs::read(&path).unwrap();
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap());
    let pages = bytes.len() - 8 - footer as usize;
    let read =
        || crate::tables::read_split(&runtime, &location, &scan, &split, ReadOptions::default());
    let good = read().unwrap();
    let mut random = Random(5);
    let mut noticed = 0;
    for _ in 0..300 {
        let mut flipped = bytes.clone();
        flipped[4 + random.below(pages as u64 - 4) as usize] ^= 1 << random.below(8);
        std::fs::write(&path, flipped).unwrap();
        match read() {
            Ok(batches) => assert_eq!(batches, good),
            Err(_) => noticed += 1,
        }
    }
    // The others are in parts that carry no data: statistics, indexes.
    assert!(noticed > 200, "{noticed} of 300");
}

#[test]
fn missing_wrong_and_foreign_files() {
    let runtime = runtime();
    let file = small_file(Compression::SNAPPY);
    let bytes = file.bytes();
    let scan = file.scan().unwrap();
    let split = file.split(&scan).unwrap();
    let location = Location::parse(file.table().as_str(), &Default::default()).unwrap();
    let open = || {
        let call = Call::unbounded();
        let options = ReadOptions::default();
        SplitReader::open(&runtime, &call, &location, &scan, &split, options).map(|_| ())
    };
    open().unwrap();
    let mut longer = bytes.clone();
    longer.push(0);
    file.set_bytes(&longer);
    assert_eq!(open().unwrap_err().class(), Class::DataFileCorrupt);
    std::fs::remove_file(file.path()).unwrap();
    let error = open().unwrap_err();
    assert_eq!(error.class(), Class::DataFileMissing);
    assert!(error.object().ends_with("part.parquet"));
    for other in [
        &b""[..],
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1\0\0\0\0PAR1",
        b"{\"not\": \"parquet\"}",
        b"PAR1\xff\xff\xff\x7fPAR1",
    ] {
        file.set_bytes(other);
        let error = file.read(&runtime).unwrap_err();
        assert_eq!(error.class(), Class::DataFileCorrupt, "{other:?}");
    }
    file.set_bytes(b"PAR1............\x04\0\0\0PARE");
    assert_eq!(
        file.read(&runtime).unwrap_err().class(),
        Class::UnsupportedDataFile
    );
}

#[test]
fn an_error_ends_the_stream_for_good_and_a_flag_stops_it() {
    let runtime = runtime();
    let mut file = small_file(Compression::UNCOMPRESSED);
    file.options.batch_rows = 10;
    let mut bytes = file.bytes();
    let metadata = parquet::file::metadata::ParquetMetaDataReader::new()
        .parse_and_finish(&bytes::Bytes::from(bytes.clone()))
        .unwrap();
    let (start, length) = metadata.row_group(0).column(0).byte_range();
    let end = (start + length) as usize;
    // The second half of the first column's pages.
    bytes[end - 200..end].fill(0xff);
    file.set_bytes(&bytes);
    let scan = file.scan().unwrap();
    let split = file.split(&scan).unwrap();
    let location = Location::parse(file.table().as_str(), &Default::default()).unwrap();
    let cancel = Cancel::new();
    let call = Call::new(None, Some(cancel.clone()));
    let open =
        || SplitReader::open(&runtime, &call, &location, &scan, &split, file.options).unwrap();
    let mut reader = open();
    let mut seen = 0;
    let error = loop {
        match reader.next_batch() {
            Ok(batch) => seen += batch.unwrap().num_rows(),
            Err(error) => break error,
        }
    };
    assert!(seen < 200);
    assert_eq!(error.class(), Class::DataFileCorrupt);
    assert_eq!(reader.next_batch().unwrap_err(), error);
    let mut reader = open();
    reader.next_batch().unwrap();
    cancel.raise();
    assert_eq!(reader.next_batch().unwrap_err().class(), Class::Cancelled);
}

#[test]
fn deletion_vectors_that_do_not_fit() {
    let runtime = runtime();
    let mut file = small_file(Compression::SNAPPY);
    let vector = |storage, text: &str, size, cardinality| DeletionVector {
        storage,
        path_or_inline: text.to_string(),
        offset: None,
        size,
        cardinality,
    };
    use DeletionVectorStorage::{Absolute, Inline, Relative};
    let example = "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L";
    file.deletion_vector = Some(vector(Inline, example, 44, 6));
    assert_eq!(file.read(&runtime).unwrap().num_rows(), 194);
    let gone = file.table().join("gone.bin").unwrap().to_string();
    for (vector, class) in [
        (vector(Inline, example, 44, 5), Class::DataFileCorrupt),
        (vector(Inline, example, 40, 6), Class::DataFileCorrupt),
        (vector(Inline, example, 60, 6), Class::DataFileCorrupt),
        (
            vector(Inline, "not base 85 at all", 4, 6),
            Class::DataFileCorrupt,
        ),
        (
            vector(Relative, "ab^-aqEH.-t@S}K{vb[*k^", 40, 6),
            Class::DataFileMissing,
        ),
        (vector(Absolute, &gone, 40, 6), Class::DataFileMissing),
        (
            vector(
                Absolute,
                file.table().join(crate::files::FILE).unwrap().as_ref(),
                40,
                6,
            ),
            Class::DataFileCorrupt,
        ),
        (
            vector(
                Absolute,
                file.table().join(crate::files::FILE).unwrap().as_ref(),
                1 << 30,
                6,
            ),
            Class::DataFileCorrupt,
        ),
    ] {
        file.deletion_vector = Some(vector.clone());
        let error = file.read(&runtime).unwrap_err();
        assert_eq!(error.class(), class, "{vector:?} {error:?}");
    }
    // A row that the file does not have.
    let rows = 20;
    let short = OneFile::new(vec![column("id", json!("long"))]);
    let ids = Int64Array::from_iter_values(0..rows);
    short.write_arrow(
        vec![("id", Arc::new(ids))],
        WriterProperties::builder().build(),
    );
    let short = OneFile {
        deletion_vector: Some(vector(Inline, example, 44, 6)),
        ..short
    };
    assert_eq!(
        short.read(&runtime).unwrap_err().class(),
        Class::DataFileCorrupt
    );
}

/// Sizes of the batches of a file: rows, and bytes of its text.
fn batches(file: &OneFile) -> Vec<(usize, usize)> {
    let runtime = runtime();
    let scan = file.scan().unwrap();
    let split = file.split(&scan).unwrap();
    let location = Location::parse(file.table().as_str(), &Default::default()).unwrap();
    let call = Call::unbounded();
    let mut reader =
        SplitReader::open(&runtime, &call, &location, &scan, &split, file.options).unwrap();
    let mut sizes = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        sizes.push((batch.num_rows(), batch.get_array_memory_size()));
    }
    sizes
}

#[test]
fn one_long_text_many_times_over() {
    // 3 GB of text in a file of a megabyte, by way of the dictionary.
    let mut file = OneFile::new(vec![column("text", json!("string"))]);
    let long = "x".repeat(1 << 20);
    let values = StringArray::from(vec![long.as_str(), "short"]);
    let keys = Int32Array::from_iter_values((0..3000).map(|row| i32::from(row % 50 == 7)));
    let dictionary = DictionaryArray::new(keys, Arc::new(values));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_page_size_limit(16 << 20)
        .set_data_page_size_limit(64 << 20)
        .set_data_page_row_count_limit(100_000)
        .build();
    file.write_arrow(vec![("text", Arc::new(dictionary))], properties);
    file.options = ReadOptions {
        batch_bytes: 4 << 20,
        ..ReadOptions::default()
    };
    let sizes = batches(&file);
    assert_eq!(sizes.iter().map(|(rows, _)| rows).sum::<usize>(), 3000);
    let largest = sizes.iter().map(|(_, bytes)| *bytes).max().unwrap();
    assert!(largest < 48 << 20, "{largest}");
}

#[test]
fn long_texts_after_short_ones() {
    let mut file = OneFile::new(vec![column("text", json!("string"))]);
    let texts = (0..12_000).map(|row| match row < 10_000 {
        true => format!("{row}"),
        false => format!("{row}").repeat(20_000),
    });
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .build();
    file.write_arrow(
        vec![("text", Arc::new(StringArray::from_iter_values(texts)))],
        properties,
    );
    file.options = ReadOptions {
        batch_bytes: 1 << 20,
        ..ReadOptions::default()
    };
    let sizes = batches(&file);
    assert_eq!(sizes.iter().map(|(rows, _)| rows).sum::<usize>(), 12_000);
    let largest = sizes.iter().map(|(_, bytes)| *bytes).max().unwrap();
    assert!(largest < 32 << 20, "{largest}");
    // Small again where the texts are short: no batch of one row throughout.
    assert!(sizes.len() < 1000, "{}", sizes.len());
    let read = file.read(&runtime()).unwrap();
    let texts = read.column(0).as_string::<i32>();
    assert_eq!(texts.value(9_999), "9999");
    assert_eq!(texts.value(11_999), "11999".repeat(20_000));
}

#[test]
fn columns_of_another_type_than_the_tables() {
    let runtime = runtime();
    for (kind, class) in [
        (json!("string"), Class::DataFileCorrupt),
        (array(json!("long")), Class::DataFileCorrupt),
        (
            crate::files::map(json!("string"), json!("long")),
            Class::DataFileCorrupt,
        ),
        (
            crate::files::structure(vec![column("y", json!("long"))]),
            Class::DataFileCorrupt,
        ),
        (json!("variant"), Class::DataFileCorrupt),
    ] {
        let file = OneFile::new(vec![column("id", kind.clone())]);
        let ids = Int64Array::from(vec![1]);
        file.write_arrow(
            vec![("id", Arc::new(ids))],
            WriterProperties::builder().build(),
        );
        let error = file.read(&runtime).unwrap_err();
        assert_eq!(error.class(), class, "{kind}");
        assert!(error.message().contains("id"), "{error:?}");
    }
    let list = small_file(Compression::SNAPPY);
    let list = OneFile {
        schema: crate::files::structure(vec![column("list", json!("integer"))]),
        ..list
    };
    assert_eq!(
        list.read(&runtime).unwrap_err().class(),
        Class::DataFileCorrupt
    );
}
