//! Logs that are missing, damaged or cut short: a classed error that names the object, never a
//! part of a table.

mod common;

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use arrow::array::AsArray;
use common::{location, open, Unpacked, TABLES};
use lakeio_log::{ReadSpec, VersionSpec};
use lakeio_store::{Call, Class, Error};

/// Makes damaged bytes of good ones.
type Damage = fn(&[u8]) -> Vec<u8>;

/// Opens, describes and lists everything; the first error.
fn use_all(path: &Path) -> Result<(u64, i64), Error> {
    let call = Call::unbounded();
    let table = open(&location(path), VersionSpec::Latest)?;
    table.describe(&call)?;
    let totals = table.totals(&call)?;
    let mut splits = table.splits(&call, table.scan(&ReadSpec::default())?, 0)?;
    while splits.next_batch()?.is_some() {}
    Ok((table.version(), totals["rows"].as_i64().unwrap_or(-1)))
}

fn fails(path: &Path, class: Class, object: &str) {
    let error = use_all(path).expect_err("a broken table was read");
    assert_eq!(error.class(), class, "{error}");
    assert!(error.object().contains(object), "{error}");
}

#[test]
fn nothing_there() {
    let directory = tempfile::tempdir().unwrap();
    fails(
        &directory.path().join("none"),
        Class::SourceNotFound,
        "/none",
    );
    fs::create_dir(directory.path().join("empty")).unwrap();
    fails(
        &directory.path().join("empty"),
        Class::DeltaLogMissing,
        "/empty/_delta_log/",
    );
    fs::create_dir_all(directory.path().join("bare/_delta_log")).unwrap();
    fails(
        &directory.path().join("bare"),
        Class::DeltaLogMissing,
        "/bare/_delta_log/",
    );
    fs::write(directory.path().join("file"), "x").unwrap();
    let error = use_all(&directory.path().join("file")).unwrap_err();
    assert!(
        matches!(
            error.class(),
            Class::SourceNotFound | Class::DeltaLogMissing
        ),
        "{error}"
    );
}

#[test]
fn a_commit_is_gone() {
    for missing in [0, 2] {
        let table = Unpacked::new("overwrite");
        fs::remove_file(table.commit(missing)).unwrap();
        let name = format!("{missing:020}.json");
        fails(&table.path(), Class::DeltaTruncatedTransactionLog, &name);
    }
    // The checksum of the last commit tells that there was one.
    let table = Unpacked::new("overwrite");
    fs::remove_file(table.commit(4)).unwrap();
    fails(
        &table.path(),
        Class::DeltaTruncatedTransactionLog,
        "00000000000000000004.json",
    );
    fs::remove_file(table.log().join("00000000000000000004.crc")).unwrap();
    assert_eq!(use_all(&table.path()).unwrap().0, 3);
}

#[test]
fn a_commit_is_damaged() {
    let damage: [(&str, Damage); 8] = [
        ("an array", |_| b"[]\n".to_vec()),
        ("null", |_| b"null\n".to_vec()),
        ("blank", |_| b"\n\n\n".to_vec()),
        ("empty", |_| Vec::new()),
        ("cut", |bytes| bytes[..bytes.len() - 20].to_vec()),
        ("garbage", |_| b"garbage\n".to_vec()),
        ("not UTF-8", |bytes| {
            [bytes, b"{\"add\":\"\xff\"}\n"].concat()
        }),
        ("wrong type", |_| b"{\"add\":{\"path\":7}}\n".to_vec()),
    ];
    for (what, damage) in damage {
        for version in [0, 4] {
            let table = Unpacked::new("overwrite");
            let bytes = fs::read(table.commit(version)).unwrap();
            fs::write(table.commit(version), damage(&bytes)).unwrap();
            let error = use_all(&table.path()).expect_err(what);
            assert_eq!(
                error.class(),
                Class::DeltaLogCorrupt,
                "{what} {version} {error}"
            );
            assert!(
                error.object().contains(&format!("{version:020}.json")),
                "{what} {error}"
            );
        }
    }
}

#[test]
fn a_commit_lost_whole_lines() {
    let table = Unpacked::new("ict");
    let text = fs::read_to_string(table.commit(3)).unwrap();
    let kept: Vec<&str> = text.lines().take(2).collect();
    fs::write(table.commit(3), kept.join("\n")).unwrap();
    fails(
        &table.path(),
        Class::DeltaLogCorrupt,
        "00000000000000000005.crc",
    );
}

#[test]
fn protocol_or_metadata_is_missing() {
    for action in ["protocol", "metaData"] {
        let table = Unpacked::new("cdf");
        for entry in fs::read_dir(table.log()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "json") {
                let text = fs::read_to_string(&path).unwrap();
                let kept: Vec<&str> = text
                    .lines()
                    .filter(|line| !line.starts_with(&format!("{{\"{action}\"")))
                    .collect();
                fs::write(&path, kept.join("\n")).unwrap();
            }
        }
        let error = use_all(&table.path()).unwrap_err();
        assert_eq!(error.class(), Class::DeltaLogCorrupt, "{error}");
        assert!(error.message().contains(action), "{error}");
    }
}

#[test]
fn a_checkpoint_is_incomplete_or_damaged() {
    let part = "00000000000000000007.checkpoint.0000000003.0000000005.parquet";
    let table = Unpacked::new("ckpt_multipart");
    fs::remove_file(table.log().join(part)).unwrap();
    fails(
        &table.path(),
        Class::DeltaTruncatedTransactionLog,
        "00000000000000000006.json",
    );

    let cut: fn(&[u8]) -> Vec<u8> = |bytes| bytes[..bytes.len() / 2].to_vec();
    let zeros: fn(&[u8]) -> Vec<u8> = |bytes| {
        let mut bytes = bytes.to_vec();
        let end = bytes.len() / 2;
        bytes[4..end].fill(0);
        bytes
    };
    for damage in [cut, zeros, |_| Vec::new(), |_| b"PAR1PAR1".to_vec()] {
        let table = Unpacked::new("ckpt_multipart");
        let path = table.log().join(part);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, damage(&bytes)).unwrap();
        fails(&table.path(), Class::DeltaLogCorrupt, part);
    }
}

#[test]
fn a_sidecar_is_gone_or_damaged() {
    let table = Unpacked::new("v2ckpt");
    let sidecars = table.log().join("_sidecars");
    let newest = fs::read_dir(&sidecars)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("/00000000000000000037."))
        .min()
        .unwrap();
    let name = newest.file_name().unwrap().to_str().unwrap().to_string();
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() - 10]).unwrap();
    fails(&table.path(), Class::DeltaLogCorrupt, &name);
    fs::remove_file(&newest).unwrap();
    fails(&table.path(), Class::DeltaTruncatedTransactionLog, &name);
}

/// Plans splits by row groups, for which the footer of every file is read.
fn divide(table: &Unpacked) -> Result<usize, Error> {
    let call = Call::unbounded();
    let table = open(&table.location(), VersionSpec::Latest)?;
    let mut splits = table.splits(&call, table.scan(&ReadSpec::default())?, 1)?;
    let mut count = 0;
    while let Some(batch) = splits.next_batch()? {
        count += batch.num_rows();
    }
    Ok(count)
}

/// A data file of the table's latest version.
fn data_file(table: &Unpacked) -> std::path::PathBuf {
    let call = Call::unbounded();
    let opened = open(&table.location(), VersionSpec::Latest).unwrap();
    let scan = opened.scan(&ReadSpec::default()).unwrap();
    let mut splits = opened.splits(&call, scan, 0).unwrap();
    let batch = splits.next_batch().unwrap().unwrap();
    let paths = batch.column_by_name("path").unwrap().as_string::<i32>();
    table.path().join(paths.value(0))
}

#[test]
fn a_footer_is_damaged_while_splits_are_planned() {
    let table = Unpacked::new("overwrite");
    let file = data_file(&table);
    let name = file.file_name().unwrap().to_str().unwrap();
    let good = fs::read(&file).unwrap();
    let whole = divide(&table).unwrap();
    let end = good.len() - 8;
    let length = u32::from_le_bytes(good[end..end + 4].try_into().unwrap()) as usize;
    let footer = end - length;
    for bit in (footer * 8..good.len() * 8).step_by(5) {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &bytes).unwrap();
        match divide(&table) {
            Ok(count) => assert_eq!(count, whole, "{bit}"),
            Err(error) => {
                assert_eq!(error.class(), Class::DataFileCorrupt, "{bit} {error}");
                assert!(error.object().ends_with(name), "{bit} {error}");
            }
        }
    }
    // A list of 2^31 row groups, a root of 2^31 columns, an encrypted footer, a length beyond the
    // file.
    let groups = [0x49, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07];
    let columns = *b"\x15\x02\x19\x1c\x48\x01x\x15\xfe\xff\xff\xff\x0f\0\0";
    for (at, put, class) in [
        (footer, &groups[..], Class::DataFileCorrupt),
        (footer, &columns, Class::DataFileCorrupt),
        (end + 4, b"PARE", Class::UnsupportedDataFile),
        (end, b"\xff\xff\xff\x7f", Class::DataFileCorrupt),
    ] {
        let mut bytes = good.clone();
        bytes[at..at + put.len()].copy_from_slice(put);
        fs::write(&file, &bytes).unwrap();
        let error = divide(&table).unwrap_err();
        assert_eq!(error.class(), class, "{put:?} {error}");
        assert!(error.object().ends_with(name), "{put:?} {error}");
    }
}

#[test]
fn a_footer_that_claims_much_is_not_read_while_splits_are_planned() {
    let table = Unpacked::new("overwrite");
    let file = data_file(&table);
    let old = fs::metadata(&file).unwrap().len();
    let (claimed, new) = (80u32 << 20, 100u64 << 20);
    for path in walk(&table.log()) {
        if path.extension().is_some_and(|e| e == "crc") {
            fs::remove_file(&path).unwrap();
        } else if path.extension().is_some_and(|e| e == "json") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.replace(&format!("\"size\":{old},"), &format!("\"size\":{new},"));
            fs::write(&path, text).unwrap();
        }
    }
    let mut sparse = fs::OpenOptions::new().write(true).open(&file).unwrap();
    sparse.set_len(new - 8).unwrap();
    sparse.seek(SeekFrom::End(0)).unwrap();
    sparse.write_all(&claimed.to_le_bytes()).unwrap();
    sparse.write_all(b"PAR1").unwrap();
    let error = divide(&table).unwrap_err();
    assert_eq!(error.class(), Class::MemoryBudget, "{error}");
}

#[test]
fn the_pointer_to_the_checkpoint_is_only_a_hint() {
    for text in [
        "",
        "garbage",
        "{\"version\":999}",
        "{\"version\":\"x\"}",
        "{\"version\":2}",
    ] {
        let table = Unpacked::new("v2ckpt");
        fs::write(table.log().join("_last_checkpoint"), text).unwrap();
        assert_eq!(use_all(&table.path()).unwrap(), (38, 3310), "{text}");
    }
}

#[test]
fn unknown_features_are_named() {
    let table = Unpacked::new("dv");
    let text = fs::read_to_string(table.commit(0)).unwrap();
    let text = text.replace(
        "\"readerFeatures\":[",
        "\"readerFeatures\":[\"zebraStripes\",",
    );
    let text = text.replace(
        "\"writerFeatures\":[",
        "\"writerFeatures\":[\"zebraStripes\",",
    );
    fs::write(table.commit(0), text).unwrap();
    let error = use_all(&table.path()).unwrap_err();
    assert_eq!(error.class(), Class::UnsupportedReaderFeature, "{error}");
    assert!(error.message().contains("zebraStripes"), "{error}");
}

/// Every file of every log, cut at several places and with bits flipped: an error of a fitting
/// class, or exactly what the undamaged table gives.
#[test]
fn no_damage_goes_unnoticed_or_unnamed() {
    for name in TABLES
        .iter()
        .filter(|name| !matches!(**name, "dv" | "clustered" | "rowtrack"))
    {
        let table = Unpacked::new(name);
        let whole = use_all(&table.path()).unwrap();
        let mut files: Vec<_> = walk(&table.log());
        files.sort();
        for path in files {
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
            if extension == "crc" {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            for damaged in variants(&bytes) {
                fs::write(&path, &damaged).unwrap();
                match use_all(&table.path()) {
                    Ok(found) => {
                        // JSON commits have no checksum: a changed digit is another valid number.
                        if damaged.len() < bytes.len() {
                            let blank = bytes[damaged.len()..].iter().all(u8::is_ascii_whitespace);
                            let unused = found == whole;
                            assert!(
                                blank || unused,
                                "{path:?} cut at {} gave {found:?}",
                                damaged.len()
                            );
                        }
                    }
                    Err(error) => assert!(
                        matches!(
                            error.class(),
                            Class::DeltaLogCorrupt
                                | Class::DeltaTruncatedTransactionLog
                                | Class::UnsupportedReaderFeature
                                | Class::UnsupportedType
                        ),
                        "{path:?} {error}"
                    ),
                }
            }
            fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(use_all(&table.path()).unwrap(), whole);
    }
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The file cut at several places that are no line ends, and with single bits flipped.
fn variants(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut variants = Vec::new();
    for part in [1, 3, 5, 7] {
        let cut = bytes.len() * part / 8;
        if cut > 0 && bytes[cut - 1] != b'\n' && bytes[cut] != b'\n' {
            variants.push(bytes[..cut].to_vec());
        }
    }
    for part in 0..12 {
        let at = bytes.len() * part / 12;
        if at < bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << (part % 8);
            variants.push(flipped);
        }
    }
    variants
}
