//! Building object stores of the cloud, counting what they send, and naming what goes wrong.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::error::{Class, Error, Result};
use crate::location::{Location, StoreKind};
use crate::metrics::Metrics;
use crate::options::{self, Environment};
use crate::runtime::RuntimeOptions;

/// What happened on the wire during one operation.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    requests: AtomicU64,
    failed: AtomicBool,
    status: AtomicU16,
    host: Mutex<String>,
}

impl Wire {
    /// Whether a request was repeated, so that an earlier one may have had its effect.
    pub(crate) fn repeated(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 1
    }

    /// Whether the store had begun to answer with what was asked for.
    pub(crate) fn answered(&self) -> bool {
        (200..300).contains(&self.status())
    }

    fn status(&self) -> u16 {
        self.status.load(Ordering::Relaxed)
    }

    fn host(&self) -> String {
        self.host
            .lock()
            .map(|host| host.clone())
            .unwrap_or_default()
    }
}

tokio::task_local! {
    /// The operation on whose behalf the current task sends requests.
    pub(crate) static WIRE: Arc<Wire>;
}

#[derive(Debug)]
struct Counted {
    inner: HttpClient,
    metrics: Arc<Metrics>,
}

#[async_trait]
impl HttpService for Counted {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or("").to_string();
        let wire = WIRE.try_with(Arc::clone).ok();
        self.metrics.request();
        if let Some(wire) = &wire {
            wire.requests.fetch_add(1, Ordering::Relaxed);
            if wire.failed.swap(false, Ordering::Relaxed) {
                self.metrics.retry();
            }
            wire.status.store(0, Ordering::Relaxed);
            if let Ok(mut last) = wire.host.lock() {
                *last = host;
            }
        }
        let result = self.inner.execute(request).await;
        if let Some(wire) = &wire {
            let status = result
                .as_ref()
                .map_or(0, |response| response.status().as_u16());
            wire.status.store(status, Ordering::Relaxed);
            wire.failed.store(
                status == 0 || status == 429 || status >= 500,
                Ordering::Relaxed,
            );
        }
        result
    }
}

#[derive(Debug)]
struct Connector(Arc<Metrics>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Counted {
            inner,
            metrics: self.0.clone(),
        }))
    }
}

/// A built store, where its credential comes from and how often it repeats a request.
pub(crate) struct Built {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) credential: String,
    pub(crate) retry: RetryConfig,
}

/// Builds the store of `location` from its options and the environment. Sends nothing.
pub(crate) fn build(
    location: &Location,
    environment: &Environment,
    runtime: &RuntimeOptions,
    metrics: &Arc<Metrics>,
) -> Result<Built> {
    let client = ClientOptions::new()
        .with_allow_http(runtime.allow_http)
        .with_connect_timeout(runtime.connect_timeout)
        .with_timeout(runtime.request_timeout);
    let retry = |max_retries: Option<usize>, timeout_ms: Option<u64>| RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: max_retries.unwrap_or(runtime.max_retries),
        retry_timeout: timeout_ms.map_or(runtime.retry_budget, Duration::from_millis),
    };
    let url = location.url();
    let bucket = url.host_str().unwrap_or("");
    // The builders have these methods in common, and no trait.
    macro_rules! build {
        ($settings:expr, $builder:expr) => {{
            let (settings, mut builder) = ($settings, $builder);
            let retry = retry(settings.max_retries, settings.retry_timeout_ms);
            builder = builder
                .with_client_options(client)
                .with_retry(retry.clone())
                .with_http_connector(Connector(metrics.clone()));
            for (key, value) in settings.config {
                builder = builder.with_config(key, value);
            }
            let store = builder.build().map_err(|e| not_built(&e, location))?;
            Ok(Built {
                store: Arc::new(store),
                credential: settings.credential,
                retry,
            })
        }};
    }
    match location.kind() {
        StoreKind::Local => Err(Error::internal("a local location needs no object store").at(url)),
        StoreKind::S3 => build!(
            options::s3(location, environment)?,
            AmazonS3Builder::new().with_bucket_name(bucket)
        ),
        StoreKind::Azure => {
            let settings = options::azure(location, environment)?;
            let named = |(key, _): &(AzureConfigKey, _)| *key == AzureConfigKey::AccountName;
            let has_account = settings.config.iter().any(named);
            let builder = MicrosoftAzureBuilder::new();
            // container@account.host, or the container alone
            let builder = match url.username() {
                "" => builder.with_container_name(bucket),
                container if has_account => builder.with_container_name(container),
                container => builder
                    .with_container_name(container)
                    .with_account(bucket.split('.').next().unwrap_or("")),
            };
            build!(settings, builder)
        }
        StoreKind::Gcs => build!(
            options::gcs(location, environment)?,
            GoogleCloudStorageBuilder::new().with_bucket_name(bucket)
        ),
    }
}

fn not_built(error: &object_store::Error, location: &Location) -> Error {
    let text = without_wrapping(error);
    let credential = ["credential", "service account", "private key", "token file"];
    let class = if credential
        .iter()
        .any(|word| text.to_ascii_lowercase().contains(word))
    {
        Class::StoreAuthentication
    } else {
        Class::InvalidStorageOption
    };
    Error::new(
        class,
        format!("the store cannot be set up from its options: {text}"),
    )
    .at(location.url())
}

fn without_wrapping(error: &object_store::Error) -> String {
    match error {
        object_store::Error::Generic { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// The error of one operation on `object`, in our classes.
pub(crate) fn classify(error: &object_store::Error, wire: &Wire, object: &str) -> Error {
    if let Some(own) = Error::find_in(error) {
        return own.at(object);
    }
    let text = error.to_string();
    let store_code = between(&text, "<Code>", "</Code>").unwrap_or("");
    let store_says = between(&text, "<Message>", "</Message>").unwrap_or("");
    let finish = |class: Class, message: &str| {
        let mut found = Error::new(class, message.to_string()).at(object);
        if wire.status() != 0 {
            found = found.with("status", wire.status());
        }
        if !store_code.is_empty() {
            found = found.with("store_code", store_code);
        }
        if !store_says.is_empty() {
            found = found.with("store_message", store_says);
        }
        found
    };
    use object_store::Error as E;
    match error {
        E::NotFound { .. } if store_code == "NoSuchBucket" || store_code == "ContainerNotFound" => {
            finish(
                Class::SourceNotFound,
                "the bucket or container does not exist",
            )
        }
        E::NotFound { .. } => finish(Class::ObjectNotFound, "the object does not exist"),
        E::AlreadyExists { .. } | E::Precondition { .. } => {
            finish(Class::AlreadyExists, "the object exists already")
        }
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => refused(&finish),
        E::InvalidPath { source } => Error::new(
            Class::InvalidLocation,
            format!("the store does not allow the object's name: {source}"),
        )
        .at(object),
        E::NotSupported { .. } | E::NotImplemented { .. } => {
            finish(Class::Unsupported, "the store cannot do the operation")
        }
        _ => general(error, wire, store_code, &text, &finish),
    }
}

fn refused(finish: &dyn Fn(Class, &str) -> Error) -> Error {
    finish(
        Class::StoreAuthentication,
        "the store refuses the credential or what it may do; check the storage options, the \
         environment and the grants",
    )
}

fn general(
    error: &object_store::Error,
    wire: &Wire,
    store_code: &str,
    text: &str,
    finish: &dyn Fn(Class, &str) -> Error,
) -> Error {
    const EXPIRED: &[&str] = &[
        "ExpiredToken",
        "InvalidToken",
        "TokenRefreshRequired",
        "InvalidAccessKeyId",
    ];
    let host = wire.host();
    let metadata_service = host == "169.254.169.254"
        || host == "metadata"
        || host.starts_with("metadata.google")
        || host == "169.254.170.2";
    if metadata_service {
        return finish(
            Class::StoreAuthentication,
            "no credential was found in the storage options, the environment or a profile, and \
             this machine has no metadata service that gives one",
        );
    }
    if EXPIRED.contains(&store_code) || matches!(wire.status(), 401 | 403) {
        return refused(finish);
    }
    if wire.status() == 416 {
        return finish(
            Class::ObjectTruncated,
            "the object is shorter than expected",
        );
    }
    match wire.status() {
        429 => return finish(Class::StoreThrottled, "the store asks for fewer requests"),
        503 if store_code == "SlowDown" || text.contains("ServerBusy") => {
            return finish(Class::StoreThrottled, "the store asks for fewer requests")
        }
        status if status >= 500 => {
            return finish(Class::StoreUnreachable, "the store fails; try later")
        }
        301 | 307 => {
            return finish(
                Class::StoreRefused,
                "the bucket lies in another region; set the storage option aws_region",
            )
        }
        status if status >= 400 => {
            return finish(Class::StoreRefused, "the store refuses the request")
        }
        _ => {}
    }
    let (kind, cause) = http_cause(error);
    let what = match kind {
        Some(HttpErrorKind::Timeout) => "the store does not answer in time",
        Some(HttpErrorKind::Connect) => "the store cannot be reached",
        Some(HttpErrorKind::Interrupted | HttpErrorKind::Request) => {
            "the connection to the store broke"
        }
        _ if wire.status() == 0 => "the store cannot be reached",
        _ => "the store's answer cannot be understood",
    };
    finish(
        Class::StoreUnreachable,
        &format!("{what}; check the endpoint and the network: host {host}"),
    )
    .with("cause", cause)
}

/// The HTTP error within a chain of causes: its kind, and the deepest cause in words.
fn http_cause(error: &object_store::Error) -> (Option<HttpErrorKind>, String) {
    let mut kind = None;
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut deepest = String::new();
    while let Some(current) = next {
        if let Some(http) = current.downcast_ref::<HttpError>() {
            kind = Some(http.kind());
        }
        next = current.source();
        if next.is_none() && kind.is_some() {
            deepest = current.to_string();
        }
    }
    (kind, deepest)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let from = text.find(start)? + start.len();
    let length = text[from..].find(end)?;
    Some(&text[from..from + length])
}
