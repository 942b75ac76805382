//! Descriptions, totals, time travel and history against what the other engine says.

mod common;

use common::{golden, open, runtime, Unpacked, TABLES};
use lakeio_log::{history, observe, ReadSpec, Table, VersionSpec};
use lakeio_store::{Call, Class};
use serde_json::{json, Value};

fn count_splits(table: &Table, spec: &ReadSpec, target: u64) -> (usize, i64) {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int64Type;
    let scan = table.scan(spec).unwrap();
    let mut splits = table.splits(&Call::unbounded(), scan, target).unwrap();
    let (mut count, mut rows) = (0, 0);
    while let Some(batch) = splits.next_batch().unwrap() {
        count += batch.num_rows();
        let column = batch.column(2).as_primitive::<Int64Type>();
        rows += (0..column.len())
            .filter(|i| column.is_valid(*i))
            .map(|i| column.value(i))
            .sum::<i64>();
    }
    (count, rows)
}

#[test]
fn every_table_is_described_as_the_other_engine_does() {
    for name in TABLES {
        let golden = golden(name);
        let unpacked = Unpacked::new(name);
        let table = open(&unpacked.location(), VersionSpec::Latest).unwrap();
        let call = Call::unbounded();
        let described = table.describe(&call).unwrap();
        for (ours, theirs) in [
            ("version", "version"),
            ("reader_version", "minReader"),
            ("writer_version", "minWriter"),
            ("features", "features"),
            ("partition_columns", "partitionColumns"),
        ] {
            assert_eq!(described[ours], golden[theirs], "{name} {ours}");
        }
        for (key, value) in golden["properties"].as_object().unwrap() {
            assert_eq!(&described["properties"][key], value, "{name} {key}");
        }
        let clustering = golden
            .get("clusteringColumns")
            .cloned()
            .unwrap_or(json!([]));
        assert_eq!(described["clustering_columns"], clustering, "{name}");
        let fields = described["schema"]["fields"].as_array().unwrap();
        let names: Vec<&str> = fields.iter().map(|f| f["name"].as_str().unwrap()).collect();
        let theirs = golden["schema"].as_str().unwrap();
        for column in &names {
            assert!(theirs.contains(&format!("{column}:")), "{name} {column}");
        }
        let totals = table.totals(&call).unwrap();
        assert_eq!(totals["files"], golden["numFiles"], "{name}");
        assert_eq!(totals["rows"], golden["rows"], "{name}");
        let (splits, rows) = count_splits(&table, &ReadSpec::default(), 0);
        assert_eq!(json!(splits), golden["numFiles"], "{name}");
        assert_eq!(json!(rows), golden["rows"], "{name}");
        assert!(
            described["timestamp_us"].as_i64().unwrap() > 1_600_000_000_000_000,
            "{name}"
        );
    }
}

#[test]
fn scans_are_equal_bytes_for_equal_input() {
    let unpacked = Unpacked::new("colmap");
    let print = || {
        let table = open(&unpacked.location(), VersionSpec::Latest).unwrap();
        table.scan(&ReadSpec::default()).unwrap().print()
    };
    assert_eq!(print(), print());
}

#[test]
fn in_commit_timestamps_decide_whatever_the_files_say() {
    let golden = golden("ict");
    let unpacked = Unpacked::new("ict");
    let location = unpacked.location();
    for case in golden["timeTravel"].as_array().unwrap() {
        let micros = case["ms"].as_i64().unwrap() * 1000;
        let table = open(&location, VersionSpec::Timestamp(micros)).unwrap();
        assert_eq!(json!(table.version()), case["version"], "{case}");
        assert_eq!(
            table.totals(&Call::unbounded()).unwrap()["rows"],
            case["rows"],
            "{case}"
        );
    }
    for (version, ms) in golden["inCommitTimestamps"].as_object().unwrap() {
        let version: u64 = version.parse().unwrap();
        let micros = ms.as_i64().unwrap() * 1000;
        let table = open(&location, VersionSpec::Version(version)).unwrap();
        let described = table.describe(&Call::unbounded()).unwrap();
        assert_eq!(described["timestamp_us"], json!(micros));
        // A microsecond earlier is before the commit; one later is not.
        let at = |micros| open(&location, VersionSpec::Timestamp(micros)).map(|t| t.version());
        assert_eq!(at(micros + 1).unwrap(), version);
        match version.checked_sub(1) {
            Some(before) => assert_eq!(at(micros - 1).unwrap(), before),
            None => {
                let error = at(micros - 1).unwrap_err();
                assert_eq!(error.class(), Class::VersionNotFound, "{error}");
                assert!(error
                    .details()
                    .iter()
                    .any(|(k, v)| k == "earliest" && v == "0"));
            }
        }
    }
    let far = open(&location, VersionSpec::Timestamp(i64::MAX)).unwrap();
    assert_eq!(far.version(), 5);
}

#[test]
fn every_version_that_is_left_can_be_opened() {
    for (name, versions, gone) in [
        ("overwrite", 0..=4, None),
        ("v2ckpt", 36..=38, Some(35)),
        ("ckpt_multipart", 7..=7, Some(6)),
    ] {
        let unpacked = Unpacked::new(name);
        let location = unpacked.location();
        for version in versions.clone() {
            let table = open(&location, VersionSpec::Version(version)).unwrap();
            assert_eq!(table.version(), version);
            table.totals(&Call::unbounded()).unwrap();
        }
        let after = open(&location, VersionSpec::Version(versions.end() + 1))
            .err()
            .unwrap();
        assert_eq!(after.class(), Class::VersionNotFound, "{after}");
        if let Some(gone) = gone {
            let error = open(&location, VersionSpec::Version(gone)).err().unwrap();
            assert_eq!(error.class(), Class::VersionNotFound, "{name} {error}");
        }
    }
}

#[test]
fn history_is_newest_first() {
    let unpacked = Unpacked::new("ict");
    let location = unpacked.location();
    let entries = history(&runtime(), &Call::unbounded(), &location, 0).unwrap();
    let entries = entries.as_array().unwrap();
    let versions: Vec<u64> = entries
        .iter()
        .map(|e| e["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions, [5, 4, 3, 2, 1, 0]);
    let golden = golden("ict");
    for entry in entries {
        let version = entry["version"].to_string();
        let ms = golden["inCommitTimestamps"][&version].as_i64().unwrap();
        assert_eq!(entry["timestamp_us"], json!(ms * 1000));
        assert_eq!(entry["engine"], "Apache-Spark/4.2.0 Delta-Lake/4.4.0");
    }
    assert_eq!(entries[0]["operation"], "WRITE");
    assert_eq!(entries[0]["metrics"]["numOutputRows"], "10");
    assert_eq!(entries[5]["operation"], "CREATE TABLE");
    assert_eq!(entries[5]["parameters"]["partitionBy"], "[]");
    let two = history(&runtime(), &Call::unbounded(), &location, 2).unwrap();
    assert_eq!(two.as_array().unwrap().len(), 2);
}

#[test]
fn observing_tells_same_follows_and_other() {
    let unpacked = Unpacked::new("overwrite");
    let location = unpacked.location();
    let call = Call::unbounded();
    let fingerprint = |version| -> String {
        let table = open(&location, VersionSpec::Version(version)).unwrap();
        let described = table.describe(&call).unwrap();
        described["commit_fingerprint"]
            .as_str()
            .unwrap()
            .to_string()
    };
    let state = |version, recorded: &str| -> Value {
        observe(&runtime(), &call, &location, version, recorded).unwrap()
    };
    let (third, fourth) = (fingerprint(3), fingerprint(4));
    assert_eq!(third.len(), 32);
    assert_eq!(
        state(4, &fourth),
        json!({"state": "same", "latest_version": 4})
    );
    assert_eq!(
        state(3, &third),
        json!({"state": "follows", "latest_version": 4})
    );
    assert_eq!(state(4, &third)["state"], "other");
    assert_eq!(state(4, "")["state"], "other");
    assert_eq!(
        state(9, &fourth),
        json!({"state": "other", "latest_version": 4})
    );
}

#[test]
fn predicates_prune_files() {
    let unpacked = Unpacked::new("ict");
    let table = open(&unpacked.location(), VersionSpec::Latest).unwrap();
    let files = |op: &str, value: &str| {
        let predicate = json!({
            "op": op, "left": {"column": ["id"]}, "right": {"type": "long", "value": value}
        });
        let spec = ReadSpec {
            predicate: Some(predicate),
            ..ReadSpec::default()
        };
        count_splits(&table, &spec, 0).0
    };
    assert_eq!(files("=", "7"), 1);
    assert_eq!(files("<", "10"), 2);
    assert_eq!(files(">=", "0"), 10);
    assert_eq!(files("=", "1000"), 0);
}

#[test]
fn partition_values_prune_files() {
    let unpacked = Unpacked::new("part");
    let table = open(&unpacked.location(), VersionSpec::Latest).unwrap();
    let files = |predicate: Value| {
        let spec = ReadSpec {
            predicate: Some(predicate),
            ..ReadSpec::default()
        };
        count_splits(&table, &spec, 0).0
    };
    let all = count_splits(&table, &ReadSpec::default(), 0).0;
    let null = files(json!({"op": "is_null", "arg": {"column": ["pd"]}}));
    let not_null = files(json!({"op": "is_not_null", "arg": {"column": ["pd"]}}));
    assert!(null > 0 && not_null > 0);
    assert_eq!(null + not_null, all);
}

#[test]
fn large_files_are_divided_by_row_groups() {
    let unpacked = Unpacked::new("dv");
    let table = open(&unpacked.location(), VersionSpec::Latest).unwrap();
    let (whole, _) = count_splits(&table, &ReadSpec::default(), 0);
    let (parts, _) = count_splits(&table, &ReadSpec::default(), 1);
    assert!(parts >= whole, "{parts} {whole}");
}
