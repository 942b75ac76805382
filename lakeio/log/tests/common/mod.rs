//! Tables written by another engine, unpacked into a directory of the test's own.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use lakeio_log::{Table, VersionSpec};
use lakeio_store::{Call, Environment, Error, Location, Options, Runtime, RuntimeOptions};
use serde_json::Value;
use tempfile::TempDir;

/// Every table that there is a golden description of.
pub const TABLES: &[&str] = &[
    "cdf",
    "cdf_dv",
    "ckpt_multipart",
    "clustered",
    "colmap",
    "colmap_id",
    "colmap_upgraded",
    "dv",
    "ict",
    "identity_default",
    "overwrite",
    "part",
    "part_types",
    "rowtrack",
    "typewiden",
    "uniform",
    "v2ckpt",
    "v2ckpt_parquet",
    "variant",
    "variant_shredded",
];

pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data")
}

pub fn golden(name: &str) -> Value {
    let text = std::fs::read_to_string(data().join("golden").join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A table that the test may break.
pub struct Unpacked {
    directory: TempDir,
    name: String,
}

impl Unpacked {
    pub fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let archive = data().join("delta").join(format!("{name}.tar.gz"));
        let status = Command::new("tar")
            .arg("xzf")
            .arg(&archive)
            .arg("-C")
            .arg(directory.path())
            .status()
            .unwrap();
        assert!(status.success(), "{archive:?}");
        Unpacked {
            directory,
            name: name.to_string(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    pub fn log(&self) -> PathBuf {
        self.path().join("_delta_log")
    }

    pub fn commit(&self, version: u64) -> PathBuf {
        self.log().join(format!("{version:020}.json"))
    }

    pub fn location(&self) -> Location {
        location(&self.path())
    }
}

pub fn location(path: &Path) -> Location {
    Location::parse(path.to_str().unwrap(), &Options::new()).unwrap()
}

pub fn runtime() -> Runtime {
    Runtime::new(RuntimeOptions::default(), Environment::default(), None).unwrap()
}

pub fn open(location: &Location, version: VersionSpec) -> Result<Table, Error> {
    Table::open(&runtime(), &Call::unbounded(), location, version)
}
