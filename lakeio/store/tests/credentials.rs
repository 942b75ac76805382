//! A store that refuses the credential it is shown: another is asked for once, and the listing that
//! was refused goes on with it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use lakeio_store::{
    list_all, Call, Class, CredentialsFn, Environment, Location, ObjectMeta, Options, Result,
    Runtime, RuntimeOptions,
};

const LISTING: &str = "<?xml version=\"1.0\"?><ListBucketResult><Name>bucket</Name>\
    <Prefix>t/</Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>\
    <Contents><Key>t/one</Key><LastModified>2026-11-21T08:00:00.000Z</LastModified>\
    <ETag>\"e\"</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>\
    </ListBucketResult>";
const REFUSAL: &str = "<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>";

/// Answers one request in S3's way: lists to who shows the key `fresh`, refuses all others.
fn answer(stream: &TcpStream) -> Option<()> {
    let mut allowed = false;
    let mut lines = BufReader::new(stream).lines();
    loop {
        let line = lines.next()?.ok()?;
        if line.is_empty() {
            break;
        }
        allowed |= line.to_ascii_lowercase().starts_with("authorization:")
            && line.contains("Credential=fresh/");
    }
    let (status, body) = match allowed {
        true => ("200 OK", LISTING),
        false => ("403 Forbidden", REFUSAL),
    };
    let length = body.len();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()
}

/// Lists with the key `stale` at first; then with `next`, as often as that is asked for.
fn list(next: &'static str) -> (Result<Vec<ObjectMeta>>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || while answer(&stream).is_some() {});
        }
    });
    let options = |key: &str| -> Options {
        [
            ("aws_endpoint_url", endpoint.as_str()),
            ("aws_access_key_id", key),
            ("aws_secret_access_key", "secret"),
            ("aws_region", "eu-west-1"),
        ]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .into()
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, fresh) = (asked.clone(), options(next));
    let credentials: CredentialsFn = Arc::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Some(fresh.clone()))
    });
    let runtime = Runtime::new(
        RuntimeOptions::default(),
        Environment::default(),
        Some(credentials),
    )
    .unwrap();
    let location = Location::parse("s3://bucket/t", &options("stale")).unwrap();
    let store = runtime.store(&location).unwrap();
    let call = Call::new(Some(Duration::from_secs(10)), None);
    let found = runtime.block_on(&call, list_all(&store, &call, location.url(), ""));
    (found, asked.load(Ordering::SeqCst))
}

#[test]
fn a_listing_goes_on_with_another_credential() {
    let (found, asked) = list("fresh");
    let names: Vec<String> = found.unwrap().into_iter().map(|meta| meta.name).collect();
    assert_eq!((names, asked), (vec!["one".to_string()], 1));
}

#[test]
fn a_listing_that_stays_refused_ends() {
    let (found, asked) = list("stale as well");
    assert_eq!(found.unwrap_err().class(), Class::StoreAuthentication);
    assert_eq!(asked, 1);
}
