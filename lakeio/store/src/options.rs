//! Storage options, as far as they are the same for every kind of store: which are known, and those
//! of the client and of retries. What one kind adds is in `s3_options`, `azure_options` and
//! `gcs_options`.

use std::str::FromStr;

use crate::error::{Class, Error, Result};
use crate::location::{Location, Options, StoreKind};
use crate::nearest::nearest;

/// What a store is built from: the options of the location, completed from the environment.
pub(crate) struct Settings<K> {
    pub(crate) config: Vec<(K, String)>,
    /// Where the credential comes from, in words.
    pub(crate) credential: String,
    pub(crate) max_retries: Option<usize>,
    pub(crate) retry_timeout_ms: Option<u64>,
}

/// Keys that other readers of the lake know and that change nothing here.
const IGNORED: &[&str] = &[
    "allow_unsafe_rename",
    "mount_allow_unsafe_rename",
    "aws_s3_allow_unsafe_rename",
    "aws_s3_locking_provider",
    "aws_s3_get_internal_server_error_retries",
    "aws_s3_pool_idle_timeout_seconds",
    "aws_sts_pool_idle_timeout_seconds",
    "aws_ec2_metadata_disabled",
    "locking_provider",
    "dynamo_lock_table_name",
    "delta_dynamo_table_name",
    "delta_dynamo_region",
    "delta_dynamo_endpoint_url",
    "backoff_config.init_backoff",
    "backoff_config.max_backoff",
    "backoff_config.base",
];

pub(crate) const CLIENT_KEYS: &[&str] = &[
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "proxy_url",
    "proxy_ca_certificate",
    "proxy_excludes",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "read_timeout",
    "timeout",
    "user_agent",
    "http1_only",
    "http2_only",
    "max_retries",
    "retry_timeout",
];

/// Refuses options where none has a meaning.
pub(crate) fn none(location: &Location) -> Result<()> {
    match location
        .options()
        .keys()
        .find(|key| !IGNORED.contains(&key.as_str()))
    {
        None => Ok(()),
        Some(key) => Err(Error::new(
            Class::InvalidStorageOption,
            format!("a local path takes no storage options; remove: {key}"),
        )
        .at(location.url())),
    }
}

pub(crate) fn is_true(value: &str) -> bool {
    matches!(
        value.to_ascii_lowercase().as_str(),
        "1" | "true" | "on" | "yes" | "y"
    )
}

/// Sorts the options of a location. One that is neither in `K` nor known for every kind of store is
/// an error that names the nearest of `known` and those of the client.
pub(crate) fn parse<K: FromStr>(
    options: Options,
    location: &Location,
    kind: StoreKind,
    known: &[&str],
) -> Result<Settings<K>> {
    let mut settings = Settings {
        config: Vec::new(),
        credential: String::new(),
        max_retries: None,
        retry_timeout_ms: None,
    };
    for (key, value) in options {
        let bad_value = |what: &str| {
            Error::new(
                Class::InvalidStorageOption,
                format!("the value of a storage option is not {what}: {key}"),
            )
            .at(location.url())
        };
        if key == "max_retries" {
            settings.max_retries = Some(value.parse().map_err(|_| bad_value("a whole number"))?);
        } else if key == "retry_timeout" {
            let time = duration_ms(&value).ok_or_else(|| bad_value("a duration such as 30s"))?;
            settings.retry_timeout_ms = Some(time);
        } else if IGNORED.contains(&key.as_str()) {
            continue;
        } else if let Ok(parsed) = K::from_str(&key) {
            settings.config.push((parsed, value));
        } else {
            let all: Vec<&str> = known.iter().chain(CLIENT_KEYS).copied().collect();
            let near = nearest(&key, &all);
            return Err(Error::new(
                Class::InvalidStorageOption,
                format!(
                    "a storage option of {} is not known: {key}; did you mean {near}?",
                    kind.name()
                ),
            )
            .at(location.url())
            .with("option", &key)
            .with("nearest", near));
        }
    }
    Ok(settings)
}

/// `30s`, `500ms`, `5m`, `1h` or a bare number of seconds, in milliseconds.
fn duration_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "ms" => 1,
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn location(url: &str, options: &[(&str, &str)]) -> Location {
        let options = options
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        Location::parse(url, &options).unwrap()
    }
}
