//! Time and peak memory of planning a full read, each case in a process of its own.
//!
//! `cargo run --release --workspace --example plan_bench -- [FILES] [COMMITS]` makes the tables in
//! a temporary directory and prints one line for each case.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, MapBuilder, RecordBatch, StringArray, StringBuilder,
    StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use lakeio_log::{ReadSpec, Table, VersionSpec};
use lakeio_store::{Call, Environment, Location, Options, Runtime, RuntimeOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

const SCHEMA: &str = r#"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"s\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},{\"name\":\"day\",\"type\":\"date\",\"nullable\":true,\"metadata\":{}}]}"#;
const SCHEMA_PLAIN: &str = r#"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},{"name":"s","type":"string","nullable":true,"metadata":{}},{"name":"day","type":"date","nullable":true,"metadata":{}}]}"#;

fn path_of(i: u64) -> String {
    let scrambled = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "day={}/part-{:05}-{scrambled:016x}-{:016x}-c000.snappy.parquet",
        day(i),
        i % 200,
        scrambled.rotate_left(17)
    )
}

fn day(i: u64) -> String {
    format!("2024-{:02}-{:02}", i / 28 % 12 + 1, i % 28 + 1)
}

fn stats_of(i: u64) -> String {
    format!(
        r#"{{"numRecords":1000,"minValues":{{"id":{},"s":"customer-{:012}-aaaa"}},"maxValues":{{"id":{},"s":"customer-{:012}-zzzz"}},"nullCount":{{"id":0,"s":3}}}}"#,
        i * 1000,
        i * 1000,
        i * 1000 + 999,
        i * 1000 + 999
    )
}

fn add_line(i: u64) -> String {
    format!(
        r#"{{"add":{{"path":"{}","partitionValues":{{"day":"{}"}},"size":{},"modificationTime":1700000000000,"dataChange":true,"stats":"{}"}}}}"#,
        path_of(i),
        day(i),
        1_000_000 + i,
        stats_of(i).replace('"', "\\\"")
    )
}

fn head() -> String {
    format!(
        "{{\"protocol\":{{\"minReaderVersion\":1,\"minWriterVersion\":2}}}}\n{{\"metaData\":{{\"id\":\"t\",\"format\":{{\"provider\":\"parquet\",\"options\":{{}}}},\"schemaString\":\"{SCHEMA}\",\"partitionColumns\":[\"day\"],\"configuration\":{{}},\"createdTime\":1700000000000}}}}\n"
    )
}

fn commit(log: &Path, version: u64, body: &str) {
    let info = format!(
        "{{\"commitInfo\":{{\"timestamp\":1700000000000,\"operation\":\"WRITE\",\"operationParameters\":{{\"mode\":\"Append\"}},\"txnId\":\"{version}\"}}}}\n"
    );
    fs::write(log.join(format!("{version:020}.json")), info + body).unwrap();
}

/// Checkpoint of `version` with the files 0 to `files`.
fn checkpoint(log: &Path, version: u64, files: u64) {
    let nullable = |name: &str, t: DataType| Field::new(name, t, true);
    let map = |entries: &[Option<(&str, &str)>]| -> ArrayRef {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for entry in entries {
            if let Some((key, value)) = entry {
                builder.keys().append_value(key);
                builder.values().append_value(value);
            }
            builder.append(entry.is_some()).unwrap();
        }
        Arc::new(builder.finish())
    };
    let map_type = map(&[]).data_type().clone();
    let batch = |rows: std::ops::Range<u64>, with_head: bool| {
        let extra = if with_head { 2 } else { 0 };
        let count = (rows.end - rows.start) as usize + extra;
        let is_add = |i: usize| i >= extra;
        let number = |i: usize| rows.start + (i - extra) as u64;
        let text = |f: &dyn Fn(u64) -> String| -> ArrayRef {
            Arc::new(
                (0..count)
                    .map(|i| is_add(i).then(|| f(number(i))))
                    .collect::<StringArray>(),
            )
        };
        let long = |f: &dyn Fn(u64) -> i64| -> ArrayRef {
            Arc::new(
                (0..count)
                    .map(|i| is_add(i).then(|| f(number(i))))
                    .collect::<Int64Array>(),
            )
        };
        let days: Vec<Option<String>> = (0..count)
            .map(|i| is_add(i).then(|| day(number(i))))
            .collect();
        let entries: Vec<Option<(&str, &str)>> = days
            .iter()
            .map(|d| d.as_deref().map(|d| ("day", d)))
            .collect();
        let add = StructArray::new(
            Fields::from(vec![
                nullable("path", DataType::Utf8),
                nullable("partitionValues", map_type.clone()),
                nullable("size", DataType::Int64),
                nullable("modificationTime", DataType::Int64),
                nullable("stats", DataType::Utf8),
            ]),
            vec![
                text(&path_of),
                map(&entries),
                long(&|i| 1_000_000 + i as i64),
                long(&|_| 1_700_000_000_000),
                text(&stats_of),
            ],
            Some(NullBuffer::from_iter((0..count).map(is_add))),
        );
        let at = |i: usize, row: usize| with_head && i == row;
        let protocol = StructArray::new(
            Fields::from(vec![
                nullable("minReaderVersion", DataType::Int32),
                nullable("minWriterVersion", DataType::Int32),
            ]),
            vec![
                Arc::new(
                    (0..count)
                        .map(|i| at(i, 0).then_some(1))
                        .collect::<Int32Array>(),
                ),
                Arc::new(
                    (0..count)
                        .map(|i| at(i, 0).then_some(2))
                        .collect::<Int32Array>(),
                ),
            ],
            Some(NullBuffer::from_iter((0..count).map(|i| at(i, 0)))),
        );
        let only = |value: &'static str| -> ArrayRef {
            Arc::new(
                (0..count)
                    .map(|i| at(i, 1).then_some(value))
                    .collect::<StringArray>(),
            )
        };
        let mut names = arrow::array::ListBuilder::new(StringBuilder::new());
        for i in 0..count {
            if at(i, 1) {
                names.values().append_value("day");
            }
            names.append(at(i, 1));
        }
        let names: ArrayRef = Arc::new(names.finish());
        let metadata = StructArray::new(
            Fields::from(vec![
                nullable("id", DataType::Utf8),
                nullable("schemaString", DataType::Utf8),
                nullable("partitionColumns", names.data_type().clone()),
                nullable("configuration", map_type.clone()),
            ]),
            vec![
                only("t"),
                only(SCHEMA_PLAIN),
                names,
                map(&vec![None; count]),
            ],
            Some(NullBuffer::from_iter((0..count).map(|i| at(i, 1)))),
        );
        RecordBatch::try_from_iter(vec![
            ("add", Arc::new(add) as ArrayRef),
            ("protocol", Arc::new(protocol) as ArrayRef),
            ("metaData", Arc::new(metadata) as ArrayRef),
        ])
        .unwrap()
    };
    let path = log.join(format!("{version:020}.checkpoint.parquet"));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(usize::MAX >> 1))
        .build();
    let first = batch(0..files.min(10_000), true);
    let mut writer = ArrowWriter::try_new(
        File::create(path).unwrap(),
        first.schema(),
        Some(properties),
    )
    .unwrap();
    writer.write(&first).unwrap();
    let mut next = files.min(10_000);
    while next < files {
        let end = (next + 10_000).min(files);
        writer.write(&batch(next..end, false)).unwrap();
        next = end;
    }
    writer.close().unwrap();
    let hint = format!("{{\"version\":{version},\"size\":{files}}}");
    fs::write(log.join("_last_checkpoint"), hint).unwrap();
}

fn make(root: &Path, name: &str, files: u64, commits: u64) {
    let log = root.join(name).join("_delta_log");
    fs::create_dir_all(&log).unwrap();
    match name {
        "commits" | "commits_checkpoint" => {
            for version in 0..commits {
                let start = if version == 0 { head() } else { String::new() };
                commit(&log, version, &format!("{start}{}\n", add_line(version)));
            }
            if name == "commits_checkpoint" {
                checkpoint(&log, commits - 1, commits);
            }
        }
        "checkpoint" => checkpoint(&log, 9, files),
        "one_commit" => {
            let file = File::create(log.join(format!("{:020}.json", 0))).unwrap();
            let mut out = BufWriter::new(file);
            out.write_all(head().as_bytes()).unwrap();
            for i in 0..files {
                writeln!(out, "{}", add_line(i)).unwrap();
            }
        }
        other => panic!("{other}"),
    }
}

fn measure(path: &str) {
    let runtime = Runtime::new(RuntimeOptions::default(), Environment::default(), None).unwrap();
    let call = Call::unbounded();
    let location = Location::parse(path, &Options::new()).unwrap();
    let start = Instant::now();
    let table = Table::open(&runtime, &call, &location, VersionSpec::Latest).unwrap();
    let opened = start.elapsed();
    let scan = table.scan(&ReadSpec::default()).unwrap();
    let mut splits = table.splits(&call, scan, 0).unwrap();
    let mut count = 0;
    while let Some(batch) = splits.next_batch().unwrap() {
        count += batch.num_rows();
    }
    let all = start.elapsed();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or("");
    // Clock ticks of 10 ms, of which the 14th and 15th field tell user and system time.
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: u64 = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|n| n.parse::<u64>().unwrap())
        .sum();
    println!(
        "{:<20} {count:>8} splits  open {:>7.3} s  plan {:>7.3} s  cpu {:>6.2} s  {}",
        Path::new(path).file_name().unwrap().to_string_lossy(),
        opened.as_secs_f64(),
        all.as_secs_f64(),
        ticks as f64 / 100.0,
        peak.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).map(String::as_str) == Some("--measure") {
        return measure(&arguments[2]);
    }
    let number = |i: usize, default| arguments.get(i).map_or(default, |a| a.parse().unwrap());
    let (files, commits) = (number(1, 1_000_000), number(2, 20_000));
    let directory = tempfile::tempdir().unwrap();
    for name in ["commits_checkpoint", "commits", "checkpoint", "one_commit"] {
        make(directory.path(), name, files, commits);
        for _ in 0..2 {
            let status = Command::new(&arguments[0])
                .arg("--measure")
                .arg(directory.path().join(name))
                .status()
                .unwrap();
            assert!(status.success());
        }
        fs::remove_dir_all(directory.path().join(name)).unwrap();
    }
}
