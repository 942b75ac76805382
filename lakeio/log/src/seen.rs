//! What the log has said about files so far, read from its end: which of the older actions count.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use url::Url;

use lakeio_store::{Class, Error, Result};

use crate::actions::DeletionVector;

/// The files that newer commits have said something about, each as a keyed hash of 128 bits: two
/// files out of many millions have the same one with a chance below 10^-20. The paths that were
/// shown are kept as 64 bits: should two be the same, the table is refused this once.
#[derive(Default)]
pub(crate) struct Seen {
    keys: (RandomState, RandomState),
    decided: HashSet<u128, BuildHasherDefault<Truncate>>,
    shown: HashSet<u64, BuildHasherDefault<Truncate>>,
    checkpointed: u64,
}

impl Seen {
    fn key(&self, path: &str, vector: Option<&DeletionVector>) -> u128 {
        let path = decoded(path);
        let id = vector.map(DeletionVector::unique_id);
        let high = self.keys.0.hash_one((&path, &id));
        let low = self.keys.1.hash_one((&path, &id));
        u128::from(high) << 64 | u128::from(low)
    }

    /// Notes what a commit says of a file. False when a newer one has spoken of it already.
    pub(crate) fn insert(&mut self, path: &str, vector: Option<&DeletionVector>) -> bool {
        self.decided.insert(self.key(path, vector))
    }

    /// Counts a file that the checkpoint lists. False when a commit after it speaks of the file.
    pub(crate) fn is_new_in_checkpoint(
        &mut self,
        path: &str,
        vector: Option<&DeletionVector>,
    ) -> bool {
        self.checkpointed += 1;
        self.decided.is_empty() || !self.decided.contains(&self.key(path, vector))
    }

    /// Files that the checkpoint listed.
    pub(crate) fn checkpointed(&self) -> u64 {
        self.checkpointed
    }

    /// Notes that the file belongs to the version. Fails with DELTA_LOG_CORRUPT when it does
    /// already, which would give its rows twice. `log_file` is the file of the log that says so.
    pub(crate) fn show(&mut self, path: &str, log_file: &Url) -> Result<()> {
        if self.shown.insert(self.keys.0.hash_one(decoded(path))) {
            return Ok(());
        }
        Err(Error::new(
            Class::DeltaLogCorrupt,
            format!(
                "the Delta log lists a file twice, the second time in the named log file; restore \
                 the log: {path}"
            ),
        )
        .at(log_file))
    }
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
            let mut seen = Seen::default();
            assert!(seen.insert(encoded, None));
            assert!(!seen.insert(raw, None), "{raw}");
            assert!(!seen.is_new_in_checkpoint(raw, None), "{raw}");
        }
        assert_ne!(decoded("a%2520b"), decoded("a%20b"));
    }

    #[test]
    fn no_file_is_shown_twice() {
        let log = Url::parse("file:///t/_delta_log/0.json").unwrap();
        let mut seen = Seen::default();
        seen.show("a", &log).unwrap();
        seen.show("b", &log).unwrap();
        let error = seen.show("%61", &log).unwrap_err();
        assert_eq!(error.class(), Class::DeltaLogCorrupt);
        assert_eq!(error.object(), log.as_str());
    }
}
