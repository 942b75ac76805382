//! Reading from a store over HTTP: how many requests, how much at once, how well the waiting is
//! hidden, and what happens when an object goes away or answers are cut.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow::array::*;
use lakeio_scan::{DataFile, MappingMode, ReadOptions, Scan, ScanRequest, Split, SplitReader};
use lakeio_store::{Call, Class, Environment, Location, Result, Runtime, RuntimeOptions};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::json;
use url::Url;

use crate::files::{column, structure, OneFile, Random};

/// How the server answers.
#[derive(Clone, Copy, Default)]
struct Manners {
    /// Time from a request to its answer.
    delay: Duration,
    /// Requests from this one on find nothing.
    gone_after: Option<usize>,
    /// Requests from this one on find another object in its place.
    other_after: Option<usize>,
    /// Answers end after this many bytes of the body.
    cut: Option<usize>,
    /// The status of every answer.
    status: Option<u16>,
}

/// One object in a bucket, over HTTP on this machine, in S3's way.
struct Server {
    address: String,
    state: Arc<State>,
}

struct State {
    object: Vec<u8>,
    manners: Mutex<Manners>,
    requests: AtomicUsize,
    sent: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Server {
    fn start(object: Vec<u8>, manners: Manners) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            object,
            manners: Mutex::new(manners),
            requests: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || while state.answer(&stream).is_some() {});
            }
        });
        Server { address, state }
    }

    fn location(&self) -> Location {
        let options: BTreeMap<String, String> = [
            ("aws_endpoint_url", self.address.as_str()),
            ("aws_access_key_id", "id"),
            ("aws_secret_access_key", "secret"),
            ("aws_region", "eu-west-1"),
        ]
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .into();
        Location::parse("s3://bucket/table", &options).unwrap()
    }
}

impl State {
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream).lines();
        let request = lines.next()?.ok()?;
        let mut range = None;
        for line in lines {
            let line = line.ok()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(bytes) = line.strip_prefix("range: bytes=") {
                let (from, to) = bytes.split_once('-')?;
                range = Some(from.parse::<usize>().ok()?..to.parse::<usize>().ok()? + 1);
            }
        }
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_open.fetch_max(open, Ordering::SeqCst);
        let manners = *self.manners.lock().unwrap();
        std::thread::sleep(manners.delay);
        self.open.fetch_sub(1, Ordering::SeqCst);
        let mut stream = stream;
        let gone = manners.gone_after.is_some_and(|after| number >= after);
        let status = match gone || !request.contains("/bucket/table/part.parquet") {
            true => Some(404),
            false => manners.status,
        };
        if let Some(status) = status {
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
            return stream.write_all(answer.as_bytes()).ok();
        }
        let other = manners.other_after.is_some_and(|after| number >= after);
        let tag = if other { "f" } else { "e" };
        let size = self.object.len();
        let range = range.map_or(0..size, |range| range.start.min(size)..range.end.min(size));
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {}-{}/{size}\r\n\
             Accept-Ranges: bytes\r\nETag: \"{tag}\"\r\nLast-Modified: Sat, 21 Nov 2026 08:00:00 GMT\r\n\r\n",
            range.len(),
            range.start,
            range.end - 1,
        );
        stream.write_all(head.as_bytes()).ok()?;
        let body = &self.object[range];
        let length = manners.cut.map_or(body.len(), |cut| cut.min(body.len()));
        stream.write_all(&body[..length]).ok()?;
        self.sent.fetch_add(length, Ordering::SeqCst);
        (length == body.len()).then_some(())
    }
}

fn impatient() -> Runtime {
    let options = RuntimeOptions {
        max_retries: 1,
        retry_budget: Duration::from_secs(2),
        ..RuntimeOptions::default()
    };
    Runtime::new(options, Environment::default(), None).unwrap()
}

fn schema(columns: usize) -> serde_json::Value {
    structure(
        (0..columns)
            .map(|at| column(&format!("c{at}"), json!("long")))
            .collect(),
    )
}

/// A file of `columns` columns of numbers that do not compress.
fn object(columns: usize, rows: usize, group: usize) -> Vec<u8> {
    let file = OneFile::new(vec![]);
    let mut random = Random(columns as u64);
    let names: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
    let arrays = names
        .iter()
        .map(|name| {
            let values = (0..rows).map(|_| random.next() as i64);
            (
                name.as_str(),
                Arc::new(Int64Array::from_iter_values(values)) as ArrayRef,
            )
        })
        .collect();
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(group))
        .build();
    file.write_arrow(arrays, properties);
    file.bytes()
}

/// Reads all and gives the sum of all numbers; `pause` is spent on each batch.
fn read(
    server: &Server,
    runtime: &Runtime,
    columns: usize,
    options: ReadOptions,
    pause: Duration,
) -> Result<i64> {
    let location = server.location();
    let scan = Scan::new(&ScanRequest {
        table: &Url::parse("s3://bucket/table/").unwrap(),
        schema: &schema(columns),
        mapping: MappingMode::None,
        partition_columns: &[],
        columns: None,
        predicate: None,
        row_position: false,
        partition_zone: "UTC",
    })?;
    let split = Split::new(
        &scan,
        &DataFile {
            path: "part.parquet",
            size: server.state.object.len() as u64,
            modification_time: 0,
            partition_values: &[],
            deletion_vector: None,
            rows: None,
            base_row_id: None,
        },
    )?;
    let call = Call::unbounded();
    let mut reader = SplitReader::open(runtime, &call, &location, &scan, &split, options)?;
    let mut sum = 0i64;
    while let Some(batch) = reader.next_batch()? {
        for column in batch.columns() {
            let values = column
                .as_primitive::<arrow::datatypes::Int64Type>()
                .values();
            sum = values
                .iter()
                .fold(sum, |sum, value| sum.wrapping_add(*value));
        }
        std::thread::sleep(pause);
    }
    Ok(sum)
}

fn expected(columns: usize, rows: usize) -> i64 {
    let mut random = Random(columns as u64);
    (0..columns * rows).fold(0i64, |sum, _| sum.wrapping_add(random.next() as i64))
}

#[test]
fn small_files_take_few_requests() {
    let runtime = impatient();
    let server = Server::start(object(5, 1000, 1000), Manners::default());
    let sum = read(&server, &runtime, 5, ReadOptions::default(), Duration::ZERO).unwrap();
    assert_eq!(sum, expected(5, 1000));
    // The end of the file holds it all.
    assert_eq!(server.state.requests.load(Ordering::SeqCst), 1);
    let server = Server::start(object(10, 50_000, 10_000), Manners::default());
    let sum = read(
        &server,
        &runtime,
        10,
        ReadOptions::default(),
        Duration::ZERO,
    )
    .unwrap();
    assert_eq!(sum, expected(10, 50_000));
    // The end, and one request for each row group.
    assert!(server.state.requests.load(Ordering::SeqCst) <= 6);
    let size = server.state.object.len();
    assert!(server.state.sent.load(Ordering::SeqCst) < size + (128 << 10));
}

#[test]
fn waiting_is_hidden_behind_work() {
    let runtime = impatient();
    let delay = Duration::from_millis(40);
    let manners = Manners {
        delay,
        ..Manners::default()
    };
    // 32 MB in one row group of four columns, in windows of at most 1 MB.
    let server = Server::start(object(4, 1_000_000, 1_000_000), manners);
    let options = ReadOptions {
        memory_bytes: 16 << 20,
        batch_rows: 50_000,
        ..ReadOptions::default()
    };
    let start = Instant::now();
    let pause = Duration::from_millis(20);
    let sum = read(&server, &runtime, 4, options, pause).unwrap();
    let took = start.elapsed();
    assert_eq!(sum, expected(4, 1_000_000));
    let requests = server.state.requests.load(Ordering::SeqCst) as u32;
    assert!(requests > 30, "{requests}");
    // All requests one after the other would wait that long; the pauses alone are 20 × 20 ms.
    let waiting = delay * requests;
    assert!(
        took < waiting * 3 / 4 + pause * 20,
        "{took:?} of {waiting:?}, {requests} requests"
    );
    assert!(server.state.most_open.load(Ordering::SeqCst) >= 4);
}

#[test]
fn windows_stay_within_the_budget() {
    let runtime = impatient();
    let manners = Manners {
        delay: Duration::from_millis(5),
        ..Manners::default()
    };
    let server = Server::start(object(2, 500_000, 500_000), manners);
    let options = ReadOptions {
        memory_bytes: 1 << 20,
        ..ReadOptions::default()
    };
    let sum = read(&server, &runtime, 2, options, Duration::ZERO).unwrap();
    assert_eq!(sum, expected(2, 500_000));
    // 8 MB in windows of 128 KB.
    let requests = server.state.requests.load(Ordering::SeqCst);
    assert!((50..90).contains(&requests), "{requests}");
    let size = server.state.object.len();
    assert!(server.state.sent.load(Ordering::SeqCst) < size + (128 << 10));
}

#[test]
fn an_object_that_is_written_to_meanwhile() {
    let runtime = impatient();
    let options = ReadOptions {
        memory_bytes: 1 << 20,
        ..ReadOptions::default()
    };
    for after in [1, 2, 5] {
        let manners = Manners {
            other_after: Some(after),
            ..Manners::default()
        };
        let server = Server::start(object(3, 300_000, 100_000), manners);
        let error = read(&server, &runtime, 3, options, Duration::ZERO).unwrap_err();
        assert_eq!(error.class(), Class::DataFileCorrupt, "{after} {error:?}");
        assert_eq!(error.object(), "s3://bucket/table/part.parquet");
        assert!(error.message().contains("written to"), "{error:?}");
    }
}

#[test]
fn an_object_that_goes_away_or_does_not_answer() {
    let runtime = impatient();
    let bytes = object(3, 300_000, 100_000);
    let options = ReadOptions {
        memory_bytes: 1 << 20,
        ..ReadOptions::default()
    };
    for after in [0, 1, 2, 10] {
        let manners = Manners {
            gone_after: Some(after),
            ..Manners::default()
        };
        let server = Server::start(bytes.clone(), manners);
        let error = read(&server, &runtime, 3, options, Duration::ZERO).unwrap_err();
        assert_eq!(error.class(), Class::DataFileMissing, "{after} {error:?}");
        assert_eq!(error.object(), "s3://bucket/table/part.parquet");
    }
    let server = Server::start(
        bytes.clone(),
        Manners {
            status: Some(503),
            ..Manners::default()
        },
    );
    let error = read(&server, &runtime, 3, options, Duration::ZERO).unwrap_err();
    assert!(error.retryable(), "{error:?}");
    assert_eq!(error.object(), "s3://bucket/table/part.parquet");
    let server = Server::start(
        bytes.clone(),
        Manners {
            status: Some(403),
            ..Manners::default()
        },
    );
    let error = read(&server, &runtime, 3, options, Duration::ZERO).unwrap_err();
    assert_eq!(error.class(), Class::StoreAuthentication, "{error:?}");
    let server = Server::start(
        bytes,
        Manners {
            cut: Some(1000),
            ..Manners::default()
        },
    );
    let error = read(&server, &runtime, 3, options, Duration::ZERO).unwrap_err();
    assert!(
        error.retryable() || error.class() == Class::DataFileCorrupt,
        "{error:?}"
    );
}
