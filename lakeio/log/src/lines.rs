//! Reads files of JSON lines from their end, a bounded window at a time.

use memchr::memrchr;
use url::Url;

use lakeio_store::{Call, Class, Error, ObjectReader, Result, Runtime, Store};

use crate::actions::Line;
use crate::segment::gone;

/// Bytes read at once from a remote store, where a request is slow.
const REMOTE_WINDOW: u64 = 4 << 20;
/// Bytes read at once from a file: what the processor's cache holds.
const LOCAL_WINDOW: u64 = 256 << 10;
/// The longest line that is accepted.
const LONGEST_LINE: usize = 256 << 20;

/// The lines of one file, last first. Memory is bounded by a window and the longest line.
pub(crate) struct ReverseLines {
    url: Url,
    /// What the rest is read from; none when everything is in the buffer.
    reader: Option<ObjectReader>,
    window: u64,
    /// Bytes before this are not read yet.
    unread: u64,
    /// Bytes read, of which those before `end` are not given out yet.
    buffer: Vec<u8>,
    end: usize,
    given: u64,
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
        let unread = reader.size();
        Ok(ReverseLines {
            url: url.clone(),
            reader: Some(reader),
            window: if store.is_local() {
                LOCAL_WINDOW
            } else {
                REMOTE_WINDOW
            },
            unread,
            buffer: Vec::new(),
            end: 0,
            given: 0,
        })
    }

    /// The lines of a file that is at hand.
    pub(crate) fn of_bytes(url: &Url, bytes: &[u8]) -> Self {
        ReverseLines {
            url: url.clone(),
            reader: None,
            window: 0,
            unread: 0,
            buffer: bytes.to_vec(),
            end: bytes.len(),
            given: 0,
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Lines given so far.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    /// The line before the last one given, without its line end; `None` at the file's start.
    /// Blank lines are passed over.
    pub(crate) fn next(&mut self, runtime: &Runtime, call: &Call) -> Result<Option<&str>> {
        let range = loop {
            while self.end > 0 && self.buffer[self.end - 1].is_ascii_whitespace() {
                self.end -= 1;
            }
            let break_at = memrchr(b'\n', &self.buffer[..self.end]);
            match break_at {
                Some(at) => break at + 1..self.end,
                None if self.unread > 0 => self.fill(runtime, call)?,
                None if self.end == 0 => return Ok(None),
                None => break 0..self.end,
            }
        };
        self.end = range.start;
        self.given += 1;
        let url = &self.url;
        let line = std::str::from_utf8(&self.buffer[range]).map_err(|_| {
            Error::new(
                Class::DeltaLogCorrupt,
                "a file of the Delta log is not UTF-8",
            )
            .at(url)
        })?;
        Ok(Some(line))
    }

    fn fill(&mut self, runtime: &Runtime, call: &Call) -> Result<()> {
        if self.end > LONGEST_LINE {
            return Err(Error::new(
                Class::DeltaLogCorrupt,
                "a file of the Delta log has a line that is too long",
            )
            .at(&self.url));
        }
        let Some(reader) = &self.reader else {
            return Err(Error::internal("a file at hand has more to be read").at(&self.url));
        };
        // A long line makes the windows grow with it, so that the work stays linear.
        let window = self.window.max(self.end as u64).min(self.unread);
        let start = self.unread - window;
        let bytes = runtime
            .block_on(call, reader.read(call, start..self.unread))
            .map_err(gone)?;
        let mut joined = Vec::with_capacity(bytes.len() + self.end);
        joined.extend_from_slice(&bytes);
        joined.extend_from_slice(&self.buffer[..self.end]);
        self.end = joined.len();
        self.buffer = joined;
        self.unread = start;
        Ok(())
    }
}

/// The action of a line; damaged ones name the file.
pub(crate) fn parse_line<'a>(line: &'a str, url: &Url) -> Result<Line<'a>> {
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
/// beginning, and is not the last of its file, which may be cut short. `given`: the lines of the
/// file given so far, this one included.
pub(crate) fn can_skip(line: &str, given: u64, kinds: &[&str]) -> bool {
    if given <= 1 {
        return false;
    }
    let Some(rest) = line.strip_prefix("{\"") else {
        return false;
    };
    let Some((name, rest)) = rest.split_once('"') else {
        return false;
    };
    kinds.contains(&name) && rest.starts_with(":{")
}
