//! Reads files of JSON lines from their end, a bounded window at a time.

use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memrchr};
use serde::Deserialize;
use url::Url;

use lakeio_store::{Call, Class, Error, ObjectReader, Result, Runtime, Store};

use crate::segment::gone;

/// Bytes read at once from a remote store, where a request is slow.
const REMOTE_WINDOW: u64 = 4 << 20;
/// Bytes read at once from a file: what the processor's cache holds.
const LOCAL_WINDOW: u64 = 1 << 20;
/// The longest line that is accepted.
const LONGEST_LINE: u64 = 256 << 20;

/// Bytes of a file of the log that are worth being read at once.
pub(crate) fn window_of(store: &Store) -> u64 {
    match store.is_local() {
        true => LOCAL_WINDOW,
        false => REMOTE_WINDOW,
    }
}

/// The lines of one file, last first. Memory is bounded by a window and twice the longest line.
pub(crate) struct ReverseLines {
    url: Url,
    /// What the rest is read from; none when everything is at hand.
    reader: Option<ObjectReader>,
    window: u64,
    /// Where the lines at hand begin in the file.
    start: u64,
    /// Whole lines that were read, those before `end` not given out yet.
    block: Bytes,
    end: usize,
    given: u64,
}

/// Whole lines that follow one another in a file.
pub(crate) struct Block {
    pub(crate) bytes: Bytes,
    /// Whether the file's last line is among them.
    pub(crate) ends_file: bool,
}

impl ReverseLines {
    /// Opens the file. A listing that says zero may be stale; anything else is believed.
    pub(crate) fn open(
        runtime: &Runtime,
        store: &Store,
        call: &Call,
        url: &Url,
        size: Option<u64>,
    ) -> Result<Self> {
        let reader = runtime
            .block_on(call, store.reader(call, url, size.filter(|size| *size > 0)))
            .map_err(gone)?;
        Ok(ReverseLines {
            start: reader.size(),
            reader: Some(reader),
            window: window_of(store),
            ..ReverseLines::of_bytes(url, Bytes::new())
        })
    }

    /// The lines of a file that is at hand.
    pub(crate) fn of_bytes(url: &Url, bytes: Bytes) -> Self {
        ReverseLines {
            url: url.clone(),
            reader: None,
            window: 0,
            start: 0,
            end: bytes.len(),
            block: bytes,
            given: 0,
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Lines given or passed over so far, a block counted as one.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    /// The line before the last one given, without its line end; `None` at the file's start.
    /// Passed over are blank lines and those of actions of `others`, see `can_skip`.
    pub(crate) fn next(
        &mut self,
        runtime: &Runtime,
        call: &Call,
        others: &[&str],
    ) -> Result<Option<&str>> {
        let line = loop {
            let Some(line) = self.find(runtime, call)? else {
                return Ok(None);
            };
            self.end = line.start;
            self.given += 1;
            if !can_skip(&self.block[line.clone()], self.given == 1, others) {
                break line;
            }
        };
        text_of(&self.block[line], &self.url).map(Some)
    }

    /// The lines before the last one given, as many as are at hand; `None` at the file's start.
    pub(crate) fn next_block(&mut self, runtime: &Runtime, call: &Call) -> Result<Option<Block>> {
        let Some(line) = self.find(runtime, call)? else {
            return Ok(None);
        };
        self.end = 0;
        self.given += 1;
        Ok(Some(Block {
            bytes: self.block.split_to(line.end),
            ends_file: self.given == 1,
        }))
    }

    /// Where in the block the line before the last one given is, once that is at hand.
    fn find(&mut self, runtime: &Runtime, call: &Call) -> Result<Option<Range<usize>>> {
        loop {
            if let Some(line) = last_line(&self.block[..self.end]) {
                return Ok(Some(line));
            }
            if self.start == 0 {
                return Ok(None);
            }
            self.read(runtime, call)?;
        }
    }

    /// Makes the block one of whole lines before the present one.
    fn read(&mut self, runtime: &Runtime, call: &Call) -> Result<()> {
        let Some(reader) = &self.reader else {
            return Err(Error::internal("a file at hand has more to be read").at(&self.url));
        };
        let mut window = self.window;
        loop {
            let from = self.start.saturating_sub(window);
            let bytes = runtime
                .block_on(call, reader.read(call, from..self.start))
                .map_err(gone)?;
            // A line that does not begin here is read again with what is before it.
            let inner = &bytes[..bytes.len().saturating_sub(1)];
            let first = match memchr(b'\n', inner) {
                _ if from == 0 => 0,
                Some(at) => at + 1,
                None if window < LONGEST_LINE => {
                    window *= 2;
                    continue;
                }
                None => {
                    return Err(Error::new(
                        Class::DeltaLogCorrupt,
                        "a file of the Delta log has a line that is too long",
                    )
                    .at(&self.url))
                }
            };
            self.start = from + first as u64;
            self.block = bytes.slice(first..);
            self.end = self.block.len();
            return Ok(());
        }
    }
}

/// Where the last line of `bytes` that is not blank is, without its line end.
fn last_line(bytes: &[u8]) -> Option<Range<usize>> {
    let end = bytes.trim_ascii_end().len();
    let start = memrchr(b'\n', &bytes[..end]).map_or(0, |at| at + 1);
    (end > 0).then_some(start..end)
}

/// `bytes` cut at line ends into at most `count` parts of about the same size, the last one first.
pub(crate) fn parts_of(mut bytes: &[u8], count: usize) -> Vec<&[u8]> {
    let mut parts = Vec::with_capacity(count);
    for left in (2..=count).rev() {
        let wanted = bytes.len() - bytes.len() / left;
        let Some(at) = memrchr(b'\n', &bytes[..wanted]) else {
            break;
        };
        parts.push(&bytes[at + 1..]);
        bytes = &bytes[..=at];
    }
    parts.push(bytes);
    parts
}

/// The lines of `bytes`, last first, without blank ones.
pub(crate) fn lines_of(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let line = last_line(bytes)?;
        let (rest, given) = (&bytes[..line.start], &bytes[line]);
        bytes = rest;
        Some(given)
    })
}

/// A line of the file `url` as text.
pub(crate) fn text_of<'a>(line: &'a [u8], url: &Url) -> Result<&'a str> {
    std::str::from_utf8(line).map_err(|_| {
        Error::new(
            Class::DeltaLogCorrupt,
            "a file of the Delta log is not UTF-8",
        )
        .at(url)
    })
}

/// The action of a line, as a `Line` or a `FileLine`; damaged ones name the file.
pub(crate) fn parse_line<'a, T: Deserialize<'a>>(line: &'a str, url: &Url) -> Result<T> {
    let damaged = |why: String| {
        Error::new(
            Class::DeltaLogCorrupt,
            format!("a line of the Delta log is not a valid action: {why}"),
        )
        .at(url)
        .with("line", shortened(line))
    };
    // serde takes an array for a struct.
    if !line.trim_start().starts_with('{') {
        return Err(damaged("it is no JSON object".into()));
    }
    serde_json::from_str(line).map_err(|e| damaged(e.to_string()))
}

fn shortened(line: &str) -> String {
    let mut end = line.len().min(120);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line[..end].to_string()
}

/// Whether a line can be passed over: it holds only an action of one of `kinds`, judged by its
/// beginning, and does not end its file, whose last line may be cut short.
pub(crate) fn can_skip(line: &[u8], ends_file: bool, kinds: &[&str]) -> bool {
    !ends_file
        && line.strip_prefix(b"{\"").is_some_and(|rest| {
            kinds.iter().any(|kind| {
                let after = rest.strip_prefix(kind.as_bytes());
                after.is_some_and(|after| after.starts_with(b"\":{"))
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(bytes: &[u8]) -> Vec<&[u8]> {
        lines_of(bytes).collect()
    }

    #[test]
    fn lines_come_last_first_without_blank_ones() {
        let nothing: [&[u8]; 0] = [];
        assert_eq!(given(b""), nothing);
        assert_eq!(given(b"\n \r\n\n"), nothing);
        let lines: [&[u8]; 3] = [b"c", b" b", b"a"];
        assert_eq!(given(b"a\n\n b\r\n\nc"), lines);
        assert_eq!(given(b"\na\n b\nc\n\n"), lines);
    }

    #[test]
    fn parts_hold_all_lines_in_order() {
        let bytes = b"one\ntwo\nthree\nfour\nfive\n";
        for count in 1..9 {
            let parts = parts_of(bytes, count);
            assert!(parts.len() <= count);
            let lines: Vec<&[u8]> = parts.iter().flat_map(|part| lines_of(part)).collect();
            assert_eq!(lines, given(bytes), "{count}");
        }
        assert_eq!(parts_of(bytes, 2).len(), 2);
        assert_eq!(parts_of(b"one line", 2).len(), 1);
        assert_eq!(parts_of(b"", 2).len(), 1);
    }

    #[test]
    fn a_file_is_read_in_windows_smaller_than_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.json");
        let lines: Vec<String> = (0..40).map(|i| format!("{i}").repeat(i * i)).collect();
        for text in [lines.join("\n"), lines.join("\n") + "\n\n"] {
            std::fs::write(&path, &text).unwrap();
            let url = Url::from_file_path(&path).unwrap();
            let options = lakeio_store::RuntimeOptions::default();
            let environment = lakeio_store::Environment::default();
            let runtime = Runtime::new(options, environment, None).unwrap();
            let location =
                lakeio_store::Location::parse(url.as_str(), &Default::default()).unwrap();
            let store = runtime.store(&location).unwrap();
            let call = Call::new(None, None);
            let whole: Vec<&[u8]> = given(text.as_bytes());
            for window in [1, 2, 7, 100, 1 << 20] {
                let open = || ReverseLines {
                    window,
                    ..ReverseLines::open(&runtime, &store, &call, &url, None).unwrap()
                };
                let mut one_by_one = open();
                let mut found = Vec::new();
                while let Some(line) = one_by_one.next(&runtime, &call, &[]).unwrap() {
                    found.push(line.as_bytes().to_vec());
                }
                assert_eq!(found, whole, "{window}");
                let mut in_blocks = open();
                let mut found = Vec::new();
                while let Some(block) = in_blocks.next_block(&runtime, &call).unwrap() {
                    assert_eq!(block.ends_file, found.is_empty());
                    found.extend(lines_of(&block.bytes).map(<[u8]>::to_vec));
                }
                assert_eq!(found, whole, "{window}");
            }
        }
    }
}
