//! Logs written line by line: what engines other than the usual ones write, and what is left of a
//! log that something has damaged.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use common::{location, open, runtime};
use lakeio_log::{observe, ReadSpec, VersionSpec};
use lakeio_store::{Call, Class, Error};
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A table of which only the log is there.
struct Log {
    directory: TempDir,
}

impl Log {
    fn new(schema: Value, configuration: Value, features: &[&str]) -> Self {
        let log = Log {
            directory: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(log.path().join("_delta_log")).unwrap();
        let head = Self::head(schema, configuration, features);
        log.commit(0, &head);
        log
    }

    /// A table of one column, which is not mapped.
    fn plain() -> Self {
        Self::new(schema("v", json!({})), json!({}), &["v2Checkpoint"])
    }

    fn head(schema: Value, configuration: Value, features: &[&str]) -> Vec<Value> {
        vec![
            json!({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
                "readerFeatures": features, "writerFeatures": features}}),
            json!({"metaData": {"id": "t", "format": {"provider": "parquet", "options": {}},
                "schemaString": schema.to_string(), "partitionColumns": [],
                "configuration": configuration, "createdTime": 0}}),
        ]
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join("_delta_log").join(name)
    }

    fn commit_file(&self, version: u64) -> PathBuf {
        self.file(&format!("{version:020}.json"))
    }

    fn commit(&self, version: u64, lines: &[Value]) {
        fs::write(self.commit_file(version), text(lines)).unwrap();
    }

    /// A checkpoint with these actions, of which `_last_checkpoint` counts `adds`.
    fn checkpoint(&self, version: u64, actions: &[Value], adds: u64) {
        let mut lines = vec![json!({"checkpointMetadata": {"version": version}})];
        lines.extend(Self::head(
            schema("v", json!({})),
            json!({}),
            &["v2Checkpoint"],
        ));
        lines.extend_from_slice(actions);
        let name = format!("{version:020}.checkpoint.aa.json");
        fs::write(self.file(&name), text(&lines)).unwrap();
        let hint = json!({"version": version, "size": lines.len(), "numOfAddFiles": adds});
        fs::write(self.file("_last_checkpoint"), hint.to_string()).unwrap();
    }

    /// The paths of the version's files that `predicate` keeps, sorted.
    fn kept(&self, predicate: Option<Value>) -> Result<Vec<String>, Error> {
        let call = Call::unbounded();
        let table = open(&location(self.path()), VersionSpec::Latest)?;
        let scan = table.scan(&ReadSpec {
            predicate,
            ..ReadSpec::default()
        })?;
        let mut splits = table.splits(&call, scan, 0)?;
        let mut paths = Vec::new();
        while let Some(batch) = splits.next_batch()? {
            let column = batch.column(1).as_string::<i32>();
            paths.extend(column.iter().flatten().map(str::to_string));
        }
        paths.sort();
        Ok(paths)
    }

    fn files(&self) -> Result<Vec<String>, Error> {
        self.kept(None)
    }

    fn fails(&self, class: Class, object: &str) {
        let error = self.files().expect_err("a broken table was read");
        assert_eq!(error.class(), class, "{error}");
        assert!(error.object().contains(object), "{error}");
    }

    fn fingerprint(&self) -> String {
        let table = open(&location(self.path()), VersionSpec::Latest).unwrap();
        let described = table.describe(&Call::unbounded()).unwrap();
        described["commit_fingerprint"].as_str().unwrap().into()
    }

    fn observe(&self, version: u64, fingerprint: &str) -> Result<String, Error> {
        let location = location(self.path());
        let call = Call::unbounded();
        let answer = observe(&runtime(), &call, &location, version, fingerprint)?;
        Ok(answer["state"].as_str().unwrap().into())
    }
}

fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn schema(name: &str, metadata: Value) -> Value {
    json!({"type": "struct", "fields": [
        {"name": name, "type": "string", "nullable": true, "metadata": metadata}]})
}

fn add(path: &str) -> Value {
    json!({"add": {"path": path, "partitionValues": {}, "size": 10, "modificationTime": 0,
        "dataChange": true}})
}

fn add_with(path: &str, key: &str, value: Value) -> Value {
    let mut line = add(path);
    line["add"][key] = value;
    line
}

fn remove(path: &str) -> Value {
    json!({"remove": {"path": path, "dataChange": true}})
}

#[test]
fn a_remove_counts_however_it_writes_the_path() {
    for (added, removed) in [
        ("é.parquet", "%C3%A9.parquet"),
        ("%C3%A9.parquet", "%c3%a9.parquet"),
        ("p=(x)/a*.parquet", "p=%28x%29/a%2A.parquet"),
    ] {
        let log = Log::plain();
        log.commit(1, &[add(added), add("b")]);
        log.commit(2, &[remove(removed)]);
        assert_eq!(log.files().unwrap(), ["b"], "{removed}");
        log.checkpoint(1, &[add(added), add("b")], 2);
        assert_eq!(log.files().unwrap(), ["b"], "{removed}");
    }
}

/// Lines of a commit that is large enough to be read by several threads.
fn many(line: fn(&str) -> Value, numbers: impl Iterator<Item = usize>) -> Vec<Value> {
    numbers.map(|i| line(&long_path(i))).collect()
}

fn long_path(i: usize) -> String {
    format!("{i:05}-{}", "x".repeat(100))
}

#[test]
fn a_large_commit_is_read_as_a_small_one() {
    let log = Log::plain();
    log.commit(1, &many(add, 0..6000));
    // A remove and an add of one file, far from each other: the last line counts.
    let mut lines = many(remove, (0..6000).step_by(3));
    lines.extend(many(add, 6000..9000));
    lines.extend(many(remove, 8000..9000));
    log.commit(2, &lines);
    let wanted: Vec<String> = (0..8000)
        .filter(|i| *i >= 6000 || i % 3 != 0)
        .map(long_path)
        .collect();
    assert!(fs::metadata(log.commit_file(2)).unwrap().len() > 600 << 10);
    assert_eq!(log.files().unwrap(), wanted);
    log.checkpoint(2, &many(add, 0..6000), 6000);
    assert_eq!(log.files().unwrap().len(), 6000);
    fs::remove_file(log.file("_last_checkpoint")).unwrap();
    fs::remove_file(log.file(&format!("{:020}.checkpoint.aa.json", 2))).unwrap();
    // Damage in any part, and a file that the first and the last part list.
    for at in [1, lines.len() / 2, lines.len() - 1] {
        let mut damaged = lines.clone();
        damaged[at] = json!({"add": {"path": 7}});
        log.commit(2, &damaged);
        log.fails(Class::DeltaLogCorrupt, "00000000000000000002.json");
    }
    let vector = json!({"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^",
        "offset": 4, "sizeInBytes": 40, "cardinality": 6});
    lines.insert(0, add_with(&long_path(7000), "deletionVector", vector));
    log.commit(2, &lines);
    log.fails(Class::DeltaLogCorrupt, "00000000000000000002.json");
    let error = log.files().unwrap_err();
    assert!(error.message().contains(&long_path(7000)), "{error}");
}

#[test]
fn a_checkpoint_that_lost_files_is_noticed() {
    let log = Log::plain();
    log.commit(1, &[add("a"), add("b")]);
    log.checkpoint(1, &[add("a"), add("b")], 2);
    log.commit(2, &[remove("a"), add("c")]);
    assert_eq!(log.files().unwrap(), ["b", "c"]);
    log.checkpoint(1, &[add("a")], 2);
    log.fails(Class::DeltaLogCorrupt, "1.checkpoint.aa.json");
    log.checkpoint(1, &[], 2);
    log.fails(Class::DeltaLogCorrupt, "1.checkpoint.aa.json");
    // What the file says of another checkpoint counts for nothing.
    log.checkpoint(1, &[add("a"), add("b")], 2);
    fs::write(
        log.file("_last_checkpoint"),
        r#"{"version":0,"numOfAddFiles":9}"#,
    )
    .unwrap();
    assert_eq!(log.files().unwrap(), ["b", "c"]);
}

#[test]
fn a_file_that_is_listed_twice_is_refused() {
    let log = Log::plain();
    log.commit(1, &[add("a"), add("b")]);
    log.checkpoint(1, &[add("a"), add("b"), add("%61")], 3);
    log.fails(Class::DeltaLogCorrupt, "1.checkpoint.aa.json");

    let vector = |text: &str| json!({"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": 4, "cardinality": 1});
    let features = ["deletionVectors"];
    let log = Log::new(schema("v", json!({})), json!({}), &features);
    log.commit(1, &[add("a")]);
    log.commit(2, &[add_with("a", "deletionVector", vector("x"))]);
    log.fails(Class::DeltaLogCorrupt, "1.json");
    log.commit(
        2,
        &[remove("a"), add_with("a", "deletionVector", vector("x"))],
    );
    assert_eq!(log.files().unwrap(), ["a"]);
}

#[test]
fn an_empty_checkpoint_is_none() {
    let log = Log::plain();
    log.commit(1, &[add("a")]);
    log.checkpoint(1, &[], 1);
    fs::write(log.file("00000000000000000001.checkpoint.aa.json"), "").unwrap();
    assert_eq!(log.files().unwrap(), ["a"]);
}

#[test]
fn what_has_a_commits_name_and_is_none_is_not_passed_over() {
    let log = Log::plain();
    log.commit(1, &[add("a")]);
    let recorded = log.fingerprint();
    std::os::unix::fs::symlink("/nowhere", log.commit_file(2)).unwrap();
    log.fails(Class::DeltaTruncatedTransactionLog, "2.json");
    assert_eq!(log.observe(1, &recorded).unwrap(), "follows");
    fs::remove_file(log.commit_file(2)).unwrap();
    fs::create_dir(log.commit_file(2)).unwrap();
    log.fails(Class::DeltaLogCorrupt, "2.json");
    fs::remove_dir(log.commit_file(2)).unwrap();
    std::os::unix::fs::symlink(log.commit_file(2), log.commit_file(2)).unwrap();
    log.fails(Class::DeltaLogCorrupt, "2.json");
    fs::remove_file(log.commit_file(2)).unwrap();
    fs::create_dir(log.file("_last_checkpoint")).unwrap();
    log.fails(Class::DeltaLogCorrupt, "_last_checkpoint");
}

#[test]
fn a_pipe_is_not_waited_for() {
    let log = Log::plain();
    let pipe = log.file("_last_checkpoint");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    log.fails(Class::DeltaLogCorrupt, "_last_checkpoint");
}

#[test]
fn the_fingerprint_of_a_large_commit_is_that_of_its_bytes() {
    let log = Log::plain();
    for count in [1, 9000] {
        log.commit(1, &many(add, 0..count));
        let bytes = fs::read(log.commit_file(1)).unwrap();
        assert_eq!(bytes.len() > 1 << 20, count > 1);
        let hash: String = Sha256::digest(&bytes)[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(log.fingerprint(), hash);
        assert_eq!(log.observe(1, &hash).unwrap(), "same");
    }
}

#[test]
fn a_lost_end_is_noticed_before_anything_is_called_the_same() {
    let log = Log::plain();
    log.commit(1, &[add("a")]);
    let recorded = log.fingerprint();
    assert_eq!(log.observe(1, &recorded).unwrap(), "same");
    fs::write(log.file("00000000000000000002.crc"), "{}").unwrap();
    let error = log.observe(1, &recorded).unwrap_err();
    assert_eq!(error.class(), Class::DeltaTruncatedTransactionLog);
}

#[test]
fn a_version_of_which_only_the_checkpoint_is_left_is_known_again() {
    let log = Log::plain();
    log.commit(1, &[add("a")]);
    log.checkpoint(1, &[add("a")], 1);
    let commit = log.fingerprint();
    for version in 0..2 {
        fs::remove_file(log.commit_file(version)).unwrap();
    }
    let recorded = log.fingerprint();
    assert!(!recorded.is_empty() && recorded != commit);
    assert_eq!(log.observe(1, &recorded).unwrap(), "same");
    assert_eq!(log.observe(1, &commit).unwrap(), "other");
    assert_eq!(log.observe(1, "").unwrap(), "other");
    log.commit(2, &[add("b")]);
    assert_eq!(log.observe(1, &recorded).unwrap(), "follows");
    log.checkpoint(1, &[add("a"), add("b"), add("c")], 3);
    assert_eq!(log.observe(1, &recorded).unwrap(), "other");
}

#[test]
fn what_is_left_of_a_mapping_counts_for_nothing() {
    let mapped = || json!({"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "old"});
    let stats = json!({"numRecords": 1, "minValues": {"v": "x", "old": "a"},
        "maxValues": {"v": "x", "old": "a"}, "nullCount": {"v": 0, "old": 0}});
    let wanted = json!({"op": "=", "left": {"column": ["v"]},
        "right": {"type": "string", "value": "x"}});
    let log = Log::new(schema("v", mapped()), json!({}), &["columnMapping"]);
    log.commit(1, &[add_with("a", "stats", stats.to_string().into())]);
    assert_eq!(log.kept(Some(wanted)).unwrap(), ["a"]);

    // A mapping that the protocol does not know leaves open by which names columns go.
    let mode = json!({"delta.columnMapping.mode": "name"});
    let log = Log::new(schema("v", mapped()), mode, &["v2Checkpoint"]);
    log.commit(1, &[add("a")]);
    log.fails(Class::DeltaLogCorrupt, "");
}
