//! What the log has said about files so far, read from its end: which of the older actions count.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use url::Url;

use lakeio_store::{Class, Error};

use crate::actions::DeletionVector;

/// Bytes of a log, or fewer, that speak of one file.
const BYTES_OF_FILE: u64 = 256;
/// Files that room is made for before they are seen.
const FILES_AHEAD: u64 = 1 << 20;

/// A file, told apart from others by keyed hashes. With 128 bits two files out of many millions are
/// the same with a chance below 10^-20.
#[derive(Clone, Copy)]
pub(crate) struct FileKey {
    /// Of path and deletion vector, which together are a file to the log.
    file: u128,
    path: u64,
}

/// The keys that files are hashed with.
#[derive(Default)]
pub(crate) struct Keys(RandomState, RandomState);

impl Keys {
    /// The key of the file of `path` without the rows that `vector` deletes.
    pub(crate) fn of(&self, path: &str, vector: Option<&DeletionVector>) -> FileKey {
        let path = decoded(path);
        let (high, low) = (self.0.hash_one(&path), self.1.hash_one(&path));
        let (first, second) = match vector.map(DeletionVector::unique_id) {
            None => (high, low),
            Some(id) => (self.0.hash_one((high, &id)), self.1.hash_one((low, &id))),
        };
        FileKey {
            file: u128::from(first) << 64 | u128::from(second),
            path: low,
        }
    }
}

/// The files that newer commits have said something about. The paths that were shown are kept as 64
/// bits: should two be the same, the table is refused this once.
pub(crate) struct Seen {
    keys: Keys,
    decided: HashSet<u128, BuildHasherDefault<Truncate>>,
    shown: HashSet<u64, BuildHasherDefault<Truncate>>,
    checkpointed: u64,
}

impl Seen {
    /// Nothing seen, with room for the files of so many bytes of commits.
    pub(crate) fn of_commits(bytes: u64) -> Self {
        let files = (bytes / BYTES_OF_FILE).min(FILES_AHEAD) as usize;
        Seen {
            keys: Keys::default(),
            decided: HashSet::with_capacity_and_hasher(files, Default::default()),
            shown: HashSet::with_capacity_and_hasher(files, Default::default()),
            checkpointed: 0,
        }
    }

    /// The keys of the files here.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Notes what a commit says of a file. False when a newer one has spoken of it already.
    pub(crate) fn insert(&mut self, key: FileKey) -> bool {
        self.decided.insert(key.file)
    }

    /// Counts a file that the checkpoint lists. False when a commit after it speaks of the file.
    pub(crate) fn is_new_in_checkpoint(&mut self, key: FileKey) -> bool {
        self.checkpointed += 1;
        !self.decided.contains(&key.file)
    }

    /// Files that the checkpoint listed.
    pub(crate) fn checkpointed(&self) -> u64 {
        self.checkpointed
    }

    /// Notes that the file belongs to the version. False when its path does already.
    pub(crate) fn show(&mut self, key: FileKey) -> bool {
        self.shown.insert(key.path)
    }
}

/// The error of a path that belongs to the version twice, which would give its rows twice.
/// `log_file` is the file of the log that says so.
pub(crate) fn listed_twice(path: &str, log_file: &Url) -> Error {
    Error::new(
        Class::DeltaLogCorrupt,
        format!(
            "the Delta log lists a file twice, the second time in the named log file; restore the \
             log: {path}"
        ),
    )
    .at(log_file)
}

/// The bytes that a path of the log stands for, however they are encoded.
fn decoded(path: &str) -> Cow<'_, [u8]> {
    let bytes = path.as_bytes();
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                at += 2;
                (high * 16 + low) as u8
            }
            (byte, ..) => byte,
        };
        out.push(byte);
        at += 1;
    }
    Cow::Owned(out)
}

/// Takes half of what is a hash already, or all of it.
#[derive(Default)]
struct Truncate(u64);

impl Hasher for Truncate {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_however_its_path_is_written() {
        for (raw, encoded) in [
            ("é.parquet", "%C3%A9.parquet"),
            ("é.parquet", "%c3%a9.parquet"),
            ("p=(x)/a*.parquet", "p=%28x%29/a%2A.parquet"),
            ("~a", "%7Ea"),
            ("a%zz%4", "a%zz%4"),
        ] {
            assert_eq!(decoded(raw), decoded(encoded), "{encoded}");
            let mut seen = Seen::of_commits(0);
            let (raw_key, key) = (seen.keys().of(raw, None), seen.keys().of(encoded, None));
            assert!(seen.insert(key));
            assert!(!seen.insert(raw_key), "{raw}");
            assert!(!seen.is_new_in_checkpoint(raw_key), "{raw}");
        }
        assert_ne!(decoded("a%2520b"), decoded("a%20b"));
    }

    #[test]
    fn no_path_is_shown_twice() {
        let mut seen = Seen::of_commits(1 << 20);
        let vector = DeletionVector {
            storage_type: "u".into(),
            path_or_inline_dv: "ab".into(),
            offset: None,
            size_in_bytes: 1,
            cardinality: 1,
        };
        let (whole, part) = (
            seen.keys().of("a", None),
            seen.keys().of("%61", Some(&vector)),
        );
        assert!(seen.insert(whole) && seen.insert(part));
        assert!(seen.show(whole));
        assert!(seen.show(seen.keys().of("b", None)));
        assert!(!seen.show(part));
    }
}
