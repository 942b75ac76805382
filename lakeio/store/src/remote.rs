//! Building object stores of the cloud from their options and the environment.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use crate::environment::Environment;
use crate::error::{Class, Error, Result};
use crate::location::{Location, StoreKind};
use crate::metrics::Metrics;
use crate::options::Settings;
use crate::runtime::RuntimeOptions;
use crate::wire::Connector;
use crate::{azure_options, gcs_options, s3_options};

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
            s3_options::settings(location, environment)?,
            AmazonS3Builder::new().with_bucket_name(bucket)
        ),
        StoreKind::Azure => {
            let settings = azure_options::settings(location, environment)?;
            let builder = azure_builder(url, &settings);
            build!(settings, builder)
        }
        StoreKind::Gcs => build!(
            gcs_options::settings(location, environment)?,
            GoogleCloudStorageBuilder::new().with_bucket_name(bucket)
        ),
    }
}

fn azure_builder(url: &Url, settings: &Settings<AzureConfigKey>) -> MicrosoftAzureBuilder {
    let host = url.host_str().unwrap_or("");
    let named = |(key, _): &(AzureConfigKey, _)| *key == AzureConfigKey::AccountName;
    let has_account = settings.config.iter().any(named);
    let builder = MicrosoftAzureBuilder::new();
    // container@account.host, or the container alone
    match url.username() {
        "" => builder.with_container_name(host),
        container if has_account => builder.with_container_name(container),
        container => builder
            .with_container_name(container)
            .with_account(host.split('.').next().unwrap_or("")),
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
