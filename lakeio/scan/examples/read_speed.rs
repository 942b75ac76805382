//! How fast one thread reads a split, and with how much memory.
//!
//! `cargo run --release -p lakeio-scan --example read_speed -- [SHAPE] [ROWS] [REPEATS]`
//!
//! SHAPE: `narrow` (10 columns, default), `wide` (1 KB of text a row), `nested`, or `huge` (one row
//! group of incompressible text, 1 KB a row). The file is written to a temporary directory with a
//! fixed seed, in Snappy, as Spark writes.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array,
    Int64Array, Int64Builder, ListBuilder, MapBuilder, RecordBatch, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field};
use lakeio_scan::{DataFile, MappingMode, ReadOptions, Scan, ScanRequest, Split, SplitReader};
use lakeio_store::{Call, Location, Runtime};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{json, Value};
use url::Url;

const BATCH: u64 = 65_536;

/// Pseudo-random numbers that are the same everywhere.
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn text(row: u64, length: usize) -> String {
    (0..length as u64)
        .map(|i| (b'a' + (mix(row * 7919 + i / 8) >> (i % 8 * 8) & 15) as u8) as char)
        .collect()
}

fn column(name: &str, kind: Value) -> Value {
    json!({"name": name, "type": kind, "nullable": true, "metadata": {}})
}

fn schema(shape: &str) -> Value {
    let fields = match shape {
        "narrow" => vec![
            column("id", json!("long")),
            column("i", json!("integer")),
            column("s", json!("short")),
            column("l", json!("long")),
            column("d", json!("double")),
            column("dec", json!("decimal(12,2)")),
            column("name", json!("string")),
            column("day", json!("date")),
            column("at", json!("timestamp")),
            column("ok", json!("boolean")),
        ],
        "wide" | "huge" => vec![column("id", json!("long")), column("text", json!("string"))],
        _ => vec![
            column("id", json!("long")),
            column(
                "list",
                json!({"type":"array","elementType":"long","containsNull":true}),
            ),
            column(
                "map",
                json!({"type":"map","keyType":"string","valueType":"long","valueContainsNull":true}),
            ),
            column(
                "st",
                json!({"type":"struct","fields":[column("x", json!("long")), column("y", json!("string"))]}),
            ),
        ],
    };
    json!({"type": "struct", "fields": fields})
}

fn batch(shape: &str, from: u64, to: u64) -> RecordBatch {
    let rows = || from..to;
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows().map(|r| r as i64)));
    let columns: Vec<(&str, ArrayRef)> = match shape {
        "narrow" => vec![
            ("id", ids),
            (
                "i",
                Arc::new(Int32Array::from_iter(
                    rows().map(|r| (r % 17 != 4).then_some(mix(r) as i32)),
                )),
            ),
            (
                "s",
                Arc::new(Int16Array::from_iter_values(
                    rows().map(|r| mix(r) as i16 % 1000),
                )),
            ),
            (
                "l",
                Arc::new(Int64Array::from_iter_values(
                    rows().map(|r| mix(r) as i64 >> 20),
                )),
            ),
            (
                "d",
                Arc::new(Float64Array::from_iter_values(
                    rows().map(|r| mix(r) as f64 / 1e9),
                )),
            ),
            (
                "dec",
                Arc::new(
                    Decimal128Array::from_iter_values(
                        rows().map(|r| i128::from(mix(r) % 1_000_000_000)),
                    )
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
                ),
            ),
            (
                "name",
                Arc::new(StringArray::from_iter_values(
                    rows().map(|r| format!("name-{}", mix(r) % 10_000_000)),
                )),
            ),
            (
                "day",
                Arc::new(Date32Array::from_iter_values(
                    rows().map(|r| (mix(r) % 20_000) as i32),
                )),
            ),
            (
                "at",
                Arc::new(
                    TimestampMicrosecondArray::from_iter_values(
                        rows().map(|r| 1_600_000_000_000_000 + r as i64 * 1_000_001),
                    )
                    .with_timezone("UTC"),
                ),
            ),
            (
                "ok",
                Arc::new(BooleanArray::from_iter(
                    rows().map(|r| Some(mix(r) & 1 == 0)),
                )),
            ),
        ],
        "wide" | "huge" => {
            let texts = rows().map(|r| text(r, 1000));
            vec![
                ("id", ids),
                ("text", Arc::new(StringArray::from_iter_values(texts))),
            ]
        }
        _ => {
            let mut list = ListBuilder::new(Int64Builder::new());
            let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
            for row in rows() {
                for at in 0..mix(row) % 6 {
                    list.values().append_value((row + at) as i64);
                }
                list.append(row % 11 != 3);
                for at in 0..mix(row) % 4 {
                    map.keys().append_value(format!("key{at}"));
                    map.values().append_value(at as i64);
                }
                map.append(true).unwrap();
            }
            let names = StringArray::from_iter_values(rows().map(|r| format!("y{r}")));
            let structs = StructArray::from(vec![
                (
                    Arc::new(Field::new("x", DataType::Int64, true)),
                    ids.clone(),
                ),
                (
                    Arc::new(Field::new("y", DataType::Utf8, true)),
                    Arc::new(names) as ArrayRef,
                ),
            ]);
            vec![
                ("id", ids),
                ("list", Arc::new(list.finish())),
                ("map", Arc::new(map.finish())),
                ("st", Arc::new(structs)),
            ]
        }
    };
    let nullable = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
}

fn write(path: &std::path::Path, shape: &str, rows: u64) {
    let group = if shape == "huge" {
        usize::MAX >> 1
    } else {
        1 << 20
    };
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(group))
        .build();
    let file = std::fs::File::create(path).unwrap();
    let first = batch(shape, 0, 1);
    let mut writer = ArrowWriter::try_new(file, first.schema(), Some(properties)).unwrap();
    for from in (0..rows).step_by(BATCH as usize) {
        writer
            .write(&batch(shape, from, rows.min(from + BATCH)))
            .unwrap();
    }
    writer.close().unwrap();
}

/// A line of /proc/self/status in MB.
fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with(key))
        .unwrap_or_default();
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    kib / 1024
}

/// Seconds that this thread was on a processor: what other processes take does not count.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|n| n.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1e9
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let shape = arguments.first().map_or("narrow", String::as_str);
    let rows: u64 = arguments.get(1).map_or(4_000_000, |n| n.parse().unwrap());
    let repeats: usize = arguments.get(2).map_or(5, |n| n.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("part.parquet");
    // Written by another process, whose memory is not counted.
    if std::env::var_os("READ_SPEED_WRITE").is_some() {
        write(std::path::Path::new(&arguments[3]), shape, rows);
        return;
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .env("READ_SPEED_WRITE", "1")
        .args([shape, &rows.to_string(), "0", path.to_str().unwrap()])
        .status()
        .unwrap();
    assert!(status.success());

    let table = Url::from_directory_path(directory.path()).unwrap();
    let scan = Scan::new(&ScanRequest {
        table: &table,
        schema: &schema(shape),
        mapping: MappingMode::None,
        partition_columns: &[],
        columns: None,
        predicate: None,
        row_position: false,
        partition_zone: "UTC",
    })
    .unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    let file = DataFile {
        path: "part.parquet",
        size,
        modification_time: 0,
        partition_values: &[],
        deletion_vector: None,
        rows: Some(rows),
        base_row_id: None,
    };
    let split = Split::new(&scan, &file).unwrap();
    let runtime = Runtime::with_defaults().unwrap();
    let location = Location::parse(table.as_str(), &Default::default()).unwrap();
    println!("{shape}: {rows} rows, file of {} MB", size >> 20);
    let mut best = f64::MAX;
    for _ in 0..repeats {
        let (start, processor) = (Instant::now(), processor_seconds());
        let options = ReadOptions::default();
        let mut reader = SplitReader::open(
            &runtime,
            &Call::unbounded(),
            &location,
            &scan,
            &split,
            options,
        )
        .unwrap();
        let (mut seen, mut batches, mut bytes) = (0u64, 0u64, 0usize);
        while let Some(batch) = reader.next_batch().unwrap() {
            seen += batch.num_rows() as u64;
            batches += 1;
            bytes += batch.get_array_memory_size();
        }
        let seconds = start.elapsed().as_secs_f64();
        let busy = processor_seconds() - processor;
        best = best.min(busy);
        assert_eq!(seen, rows);
        println!(
            "{:.2} M rows/s, {:.0} MB/s of file, {batches} batches of {} KB, {seconds:.3} s, of \
             which on a processor {busy:.3} s",
            rows as f64 / seconds / 1e6,
            size as f64 / seconds / 1e6,
            bytes as u64 / batches.max(1) / 1024,
        );
    }
    println!(
        "best {:.2} M rows a second of processor, peak memory {} MB",
        rows as f64 / best / 1e6,
        memory("VmHWM")
    );
}
