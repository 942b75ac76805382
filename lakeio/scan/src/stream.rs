//! The bytes of column chunks, in order, without ever holding a whole chunk.
//!
//! A local file is read window by window as pages are decoded. Of a remote object the next window
//! of each column is on its way while the current one is decoded, across row groups too; small
//! neighbouring chunks share a request. What is held or on its way is at most two windows a column.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};
use tokio::task::JoinHandle;

use lakeio_store::{Error, Result};

use crate::data_file::DataFile;

/// Bytes between two chunks that are rather fetched along than asked for separately.
const MERGE_GAP: u64 = 32 << 10;

/// A range of a remote object that is asked for once and may serve several columns.
struct Request {
    range: Range<u64>,
    state: Mutex<State>,
}

enum State {
    Idle,
    Running(JoinHandle<Result<Bytes>>),
    Done(Bytes),
    Failed(Error),
}

impl Request {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn start(&self, file: &Arc<DataFile>) {
        let mut state = self.state();
        if matches!(*state, State::Idle) {
            if let Some(bytes) = file.in_tail(&self.range) {
                *state = State::Done(bytes);
                return;
            }
            let (file, range) = (file.clone(), self.range.clone());
            let handle = file.runtime.handle().clone();
            let work = async move { file.call().run(file.fetch(range)).await };
            *state = State::Running(handle.spawn(work));
        }
    }

    fn wait(&self, file: &Arc<DataFile>) -> Result<Bytes> {
        self.start(file);
        let mut state = self.state();
        let result = match std::mem::replace(&mut *state, State::Idle) {
            State::Done(bytes) => Ok(bytes),
            State::Failed(error) => Err(error),
            State::Idle => Err(Error::internal("a request was not started")),
            State::Running(handle) => file.runtime.block_on(file.call(), async {
                handle
                    .await
                    .map_err(|e| Error::internal(format!("a request was lost: {e}")))?
            }),
        };
        *state = match &result {
            Ok(bytes) => State::Done(bytes.clone()),
            Err(error) => State::Failed(error.clone()),
        };
        result
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let State::Running(handle) = &*self.state() {
            handle.abort();
        }
    }
}

type Piece = (Arc<Request>, Range<u64>);

/// What the chunks of one row group will ask for.
pub(crate) struct RowGroupPlan {
    /// Of each column that is read: its byte range and, for a remote file, its pieces.
    columns: HashMap<usize, (Range<u64>, VecDeque<Piece>)>,
}

impl RowGroupPlan {
    /// Plans the chunks of the given columns. Asks for nothing yet.
    pub(crate) fn new(file: &DataFile, chunks: Vec<(usize, Range<u64>)>) -> Self {
        let mut columns: Vec<(usize, Range<u64>, VecDeque<Piece>)> = chunks
            .into_iter()
            .map(|(column, range)| (column, range, VecDeque::new()))
            .collect();
        if !file.local {
            columns.sort_by_key(|(_, range, _)| range.start);
            Self::divide(&mut columns, file.window);
        }
        let columns = columns
            .into_iter()
            .map(|(column, range, pieces)| (column, (range, pieces)));
        RowGroupPlan {
            columns: columns.collect(),
        }
    }

    fn divide(columns: &mut [(usize, Range<u64>, VecDeque<Piece>)], window: u64) {
        let new = |range: Range<u64>| {
            Arc::new(Request {
                range,
                state: Mutex::new(State::Idle),
            })
        };
        let mut at = 0;
        while at < columns.len() {
            // As many whole chunks as one window can hold.
            let mut shared = columns[at].1.clone();
            let mut next = at + 1;
            while next < columns.len() {
                let range = &columns[next].1;
                let end = shared.end.max(range.end);
                if range.start > shared.end + MERGE_GAP || end - shared.start > window {
                    break;
                }
                shared.end = end;
                next += 1;
            }
            if shared.end - shared.start <= window {
                let request = new(shared);
                for (_, range, pieces) in &mut columns[at..next] {
                    pieces.push_back((request.clone(), range.clone()));
                }
            } else {
                let (_, range, pieces) = &mut columns[at];
                let mut start = range.start;
                while start < range.end {
                    // A short rest joins the last window.
                    let rest = range.end - start;
                    let length = if rest < window + window / 4 {
                        rest
                    } else {
                        window
                    };
                    let piece = start..start + length;
                    pieces.push_back((new(piece.clone()), piece));
                    start += length;
                }
                next = at + 1;
            }
            at = next;
        }
    }

    /// The stream of a column's chunk. `next`: the plan of the row group after this one, whose
    /// first bytes are asked for when the last of this one are on their way.
    pub(crate) fn stream(
        &self,
        file: &Arc<DataFile>,
        column: usize,
        next: Option<Arc<RowGroupPlan>>,
    ) -> Result<ChunkStream> {
        let (range, pieces) = self
            .columns
            .get(&column)
            .ok_or_else(|| Error::internal("a column was not planned"))?;
        if let Some((request, _)) = pieces.front() {
            request.start(file);
        }
        Ok(ChunkStream {
            file: file.clone(),
            column,
            buffer: Bytes::new(),
            position: range.start,
            end: range.end,
            pieces: pieces.clone(),
            next,
        })
    }
}

/// A column chunk's bytes, in order.
pub(crate) struct ChunkStream {
    file: Arc<DataFile>,
    column: usize,
    /// Bytes from `position` on that are there.
    buffer: Bytes,
    position: u64,
    end: u64,
    pieces: VecDeque<Piece>,
    next: Option<Arc<RowGroupPlan>>,
}

impl ChunkStream {
    /// Bytes of the chunk that were not taken.
    pub(crate) fn remaining(&self) -> u64 {
        self.end - self.position
    }

    /// The next bytes without taking them: at least `count`, or all that remain.
    pub(crate) fn peek(&mut self, count: u64) -> Result<&Bytes> {
        let count = count.min(self.remaining());
        if (self.buffer.len() as u64) < count {
            self.fill(count)?;
        }
        Ok(&self.buffer)
    }

    /// Takes `count` bytes. REQUIRES: `count <= remaining()`.
    pub(crate) fn take(&mut self, count: u64) -> Result<Bytes> {
        if count > self.remaining() {
            return Err(Error::internal("more bytes were taken than a chunk has"));
        }
        self.peek(count)?;
        self.position += count;
        Ok(self.buffer.split_to(count as usize))
    }

    /// Leaves `count` bytes out. REQUIRES: `count <= remaining()`.
    pub(crate) fn skip(&mut self, count: u64) -> Result<()> {
        let held = self.buffer.len() as u64;
        if count <= held {
            self.position += count;
            let _ = self.buffer.split_to(count as usize);
            return Ok(());
        }
        if self.file.local {
            self.position += count.min(self.remaining());
            self.buffer = Bytes::new();
            return Ok(());
        }
        // Pieces that lie wholly in what is left out are not asked for.
        let target = self.position + count.min(self.remaining());
        self.buffer = Bytes::new();
        self.position = target;
        while self
            .pieces
            .front()
            .is_some_and(|(_, range)| range.end <= target)
        {
            self.pieces.pop_front();
        }
        let inside = self
            .pieces
            .front()
            .is_some_and(|(_, range)| range.start < target);
        if inside {
            let (request, range) = self.pieces[0].clone();
            self.pieces[0] = (request, target..range.end);
        }
        Ok(())
    }

    fn fill(&mut self, count: u64) -> Result<()> {
        if self.file.local {
            // Bytes of the buffer are read again rather than moved: both cost a copy.
            let length = count.max(self.file.window).min(self.remaining());
            self.buffer = self.file.read(self.position..self.position + length)?;
            return Ok(());
        }
        let mut parts = VecDeque::new();
        let mut held = self.buffer.len() as u64;
        while held < count {
            let bytes = self.next_piece()?;
            held += bytes.len() as u64;
            parts.push_back(bytes);
        }
        if self.buffer.is_empty() && parts.len() == 1 {
            self.buffer = parts.pop_front().unwrap_or_default();
            return Ok(());
        }
        let mut joined = BytesMut::with_capacity(held as usize);
        joined.extend_from_slice(&self.buffer);
        for part in parts {
            joined.extend_from_slice(&part);
        }
        self.buffer = joined.freeze();
        Ok(())
    }

    fn next_piece(&mut self) -> Result<Bytes> {
        let (request, range) = self
            .pieces
            .pop_front()
            .ok_or_else(|| Error::internal("more bytes were asked for than planned"))?;
        request.start(&self.file);
        let following = self.pieces.front();
        let next = self
            .next
            .as_ref()
            .and_then(|plan| plan.columns.get(&self.column));
        if let Some((request, _)) = following.or_else(|| next.and_then(|(.., p)| p.front())) {
            request.start(&self.file);
        }
        let bytes = request.wait(&self.file)?;
        let start = (range.start - request.range.start) as usize;
        let length = (range.end - range.start) as usize;
        if bytes.len() < start + length {
            return Err(Error::internal("a store gave fewer bytes than asked for"));
        }
        Ok(bytes.slice(start..start + length))
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)] // lists of byte ranges, often of one
mod tests {
    use super::*;

    fn plan(chunks: &[Range<u64>], window: u64) -> Vec<Vec<Range<u64>>> {
        let mut columns: Vec<_> = chunks
            .iter()
            .cloned()
            .enumerate()
            .map(|(i, r)| (i, r, VecDeque::new()))
            .collect();
        RowGroupPlan::divide(&mut columns, window);
        columns
            .iter()
            .map(|(_, _, pieces)| {
                pieces
                    .iter()
                    .map(|(request, _)| request.range.clone())
                    .collect()
            })
            .collect()
    }

    #[test]
    fn small_neighbours_share_a_request_and_large_chunks_are_divided() {
        let kib = 1024;
        let requests = plan(
            &[
                0..10 * kib,
                10 * kib..20 * kib,
                20 * kib..400 * kib,
                400 * kib..410 * kib,
            ],
            100 * kib,
        );
        assert_eq!(requests[0], [0..20 * kib]);
        assert_eq!(requests[1], [0..20 * kib]);
        assert_eq!(
            requests[2],
            [
                20 * kib..120 * kib,
                120 * kib..220 * kib,
                220 * kib..320 * kib,
                320 * kib..400 * kib
            ]
        );
        assert_eq!(requests[3], [400 * kib..410 * kib]);
        assert_eq!(plan(&[0..kib, 100 * kib..101 * kib], 200 * kib).len(), 2);
        assert_eq!(
            plan(&[0..kib, 100 * kib..101 * kib], 200 * kib)[0],
            [0..kib]
        );
        assert_eq!(plan(&[5..5], 200 * kib)[0], [5..5]);
    }
}
