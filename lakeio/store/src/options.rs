//! Storage options: which are known, what the environment adds, and which credential results.

use std::collections::BTreeMap;
use std::str::FromStr;

use object_store::aws::AmazonS3ConfigKey as S3Key;
use object_store::azure::AzureConfigKey as AzureKey;
use object_store::gcp::GoogleConfigKey as GcsKey;

use crate::error::{Class, Error, Result};
use crate::location::{Location, Options, StoreKind};
use crate::profile::{self, Profile};

/// The environment variables that a runtime sees.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. Those that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        Environment(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// Exactly these variables.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Environment(
            variables
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect(),
        )
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (String, &'a str)> {
        self.0
            .iter()
            .filter(move |(k, v)| k.starts_with(prefix) && !v.is_empty())
            .map(|(k, v)| (k.to_ascii_lowercase(), v.as_str()))
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}

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

const CLIENT_KEYS: &[&str] = &[
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

const S3_KEYS: &[&str] = &[
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_region",
    "aws_default_region",
    "aws_endpoint_url",
    "aws_endpoint",
    "aws_endpoint_url_s3",
    "aws_endpoint_url_sts",
    "aws_virtual_hosted_style_request",
    "aws_skip_signature",
    "aws_unsigned_payload",
    "aws_checksum_algorithm",
    "aws_role_arn",
    "aws_role_session_name",
    "aws_web_identity_token_file",
    "aws_conditional_put",
    "aws_copy_if_not_exists",
    "aws_server_side_encryption",
    "aws_sse_kms_key_id",
    "aws_sse_bucket_key_enabled",
    "aws_request_payer",
    "aws_s3_express",
    "aws_allow_http",
    "aws_profile",
    "region",
    "endpoint",
    "access_key_id",
    "secret_access_key",
];

const AZURE_KEYS: &[&str] = &[
    "azure_storage_account_name",
    "azure_storage_account_key",
    "azure_storage_sas_token",
    "azure_storage_client_id",
    "azure_storage_client_secret",
    "azure_storage_tenant_id",
    "azure_storage_authority_host",
    "azure_storage_token",
    "azure_storage_endpoint",
    "azure_storage_use_emulator",
    "azure_msi_endpoint",
    "azure_object_id",
    "azure_msi_resource_id",
    "azure_federated_token_file",
    "azure_use_azure_cli",
    "azure_skip_signature",
    "azure_storage_connection_string",
    "account_name",
    "account_key",
    "sas_token",
    "tenant_id",
    "client_id",
    "client_secret",
];

const GCS_KEYS: &[&str] = &[
    "google_application_credentials",
    "google_service_account",
    "google_service_account_path",
    "google_service_account_key",
    "google_base_url",
    "google_bearer_token",
    "google_skip_signature",
    "service_account_path",
    "service_account_key",
];

fn is_s3_secret(key: &S3Key) -> bool {
    matches!(
        key,
        S3Key::AccessKeyId
            | S3Key::SecretAccessKey
            | S3Key::Token
            | S3Key::SkipSignature
            | S3Key::WebIdentityTokenFile
            | S3Key::RoleArn
            | S3Key::ContainerCredentialsFullUri
            | S3Key::ContainerCredentialsRelativeUri
    )
}

fn is_s3_endpoint(key: &S3Key) -> bool {
    matches!(key, S3Key::Endpoint | S3Key::S3Endpoint)
}

fn is_s3_region(key: &S3Key) -> bool {
    matches!(key, S3Key::Region | S3Key::DefaultRegion)
}

pub(crate) fn s3(location: &Location, environment: &Environment) -> Result<Settings<S3Key>> {
    let mut options = location.options().clone();
    let profile_asked = options
        .remove("aws_profile")
        .or_else(|| options.remove("profile"));
    let mut settings = parse(options, location, StoreKind::S3, S3_KEYS)?;
    let given_secret = settings.config.iter().any(|(key, _)| is_s3_secret(key));
    let given_endpoint = settings.config.iter().any(|(key, _)| is_s3_endpoint(key));
    let given_region = settings.config.iter().any(|(key, _)| is_s3_region(key));
    if given_secret {
        settings.credential = "options".into();
    }
    let mut environment_secret = false;
    for (name, value) in environment.with_prefix("AWS_") {
        let Ok(key) = S3Key::from_str(&name) else {
            continue;
        };
        let taken = (is_s3_secret(&key) && (given_secret || profile_asked.is_some()))
            || (is_s3_endpoint(&key) && given_endpoint)
            || (is_s3_region(&key) && given_region)
            || settings.config.iter().any(|(k, _)| *k == key);
        if !taken && key != S3Key::Bucket {
            environment_secret |= is_s3_secret(&key);
            settings.config.push((key, value.to_string()));
        }
    }
    if environment_secret {
        settings.credential = "environment".into();
    }
    let mut environment = environment.clone();
    if let Some(name) = &profile_asked {
        environment.0.insert("AWS_PROFILE".into(), name.clone());
    }
    // With keys at hand a profile is only asked for what is not secret, and may be absent.
    let have_secret = given_secret || environment_secret;
    let selected = match profile::selected(&environment) {
        Ok(selected) => selected,
        Err(_) if have_secret => None,
        Err(error) => return Err(error.at(location.url())),
    };
    if let Some((name, profile)) = selected {
        add_profile(&mut settings, &profile);
        if !have_secret {
            add_profile_secret(&mut settings, &name, &profile).map_err(|e| e.at(location.url()))?;
        }
    }
    if settings.credential.is_empty() {
        settings.credential = "instance metadata".into();
    }
    if settings
        .config
        .iter()
        .any(|(k, v)| *k == S3Key::SkipSignature && is_true(v))
    {
        settings.credential = "anonymous".into();
    }
    Ok(settings)
}

/// Adds what is not secret of a profile, where nothing else says it.
fn add_profile(settings: &mut Settings<S3Key>, profile: &Profile) {
    let is_region: fn(&S3Key) -> bool = is_s3_region;
    for (is, name, key) in [
        (is_region, "region", S3Key::Region),
        (is_s3_endpoint, "endpoint_url", S3Key::Endpoint),
    ] {
        let given = settings.config.iter().any(|(key, _)| is(key));
        if let (false, Some(value)) = (given, profile.get(name)) {
            settings.config.push((key, value.clone()));
        }
    }
}

/// Adds the credential of a profile that has one.
fn add_profile_secret(settings: &mut Settings<S3Key>, name: &str, profile: &Profile) -> Result<()> {
    const UNSUPPORTED: [&str; 4] = [
        "sso_session",
        "sso_start_url",
        "credential_process",
        "source_profile",
    ];
    let keys = if profile.contains_key("aws_access_key_id") {
        [
            ("aws_access_key_id", S3Key::AccessKeyId),
            ("aws_secret_access_key", S3Key::SecretAccessKey),
            ("aws_session_token", S3Key::Token),
        ]
    } else if profile.contains_key("web_identity_token_file") {
        [
            ("web_identity_token_file", S3Key::WebIdentityTokenFile),
            ("role_arn", S3Key::RoleArn),
            ("role_session_name", S3Key::RoleSessionName),
        ]
    } else if let Some(kind) = UNSUPPORTED.iter().find(|kind| profile.contains_key(**kind)) {
        return Err(Error::new(
            Class::StoreAuthentication,
            format!(
                "an AWS profile takes its credential from something that is not supported here; \
                 export AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN instead: \
                 profile {name}, {kind}"
            ),
        ));
    } else {
        return Ok(());
    };
    for (name, key) in keys {
        if let Some(value) = profile.get(name) {
            settings.config.push((key, value.clone()));
        }
    }
    settings.credential = format!("profile {name}");
    Ok(())
}

pub(crate) fn azure(location: &Location, environment: &Environment) -> Result<Settings<AzureKey>> {
    let mut options = location.options().clone();
    if let Some(text) = options.remove("azure_storage_connection_string") {
        for (key, value) in connection_string(&text) {
            options.entry(key).or_insert(value);
        }
    }
    let mut settings = parse(options, location, StoreKind::Azure, AZURE_KEYS)?;
    let is_secret = |key: &AzureKey| {
        matches!(
            key,
            AzureKey::AccessKey
                | AzureKey::SasKey
                | AzureKey::Token
                | AzureKey::ClientId
                | AzureKey::ClientSecret
                | AzureKey::AuthorityId
                | AzureKey::FederatedTokenFile
                | AzureKey::UseAzureCli
                | AzureKey::SkipSignature
        )
    };
    let given_secret = settings.config.iter().any(|(key, _)| is_secret(key));
    if given_secret {
        settings.credential = "options".into();
    }
    let mut variables: Vec<(String, String)> = environment
        .with_prefix("AZURE_")
        .map(|(name, value)| (name, value.to_string()))
        .collect();
    if let Some(text) = environment.get("AZURE_STORAGE_CONNECTION_STRING") {
        variables.extend(connection_string(text));
    }
    // AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY are the names of the vendor's command line.
    for (alias, name) in [
        ("AZURE_STORAGE_ACCOUNT", "azure_storage_account_name"),
        ("AZURE_STORAGE_KEY", "azure_storage_account_key"),
    ] {
        if let Some(value) = environment.get(alias) {
            variables.push((name.into(), value.into()));
        }
    }
    for (name, value) in variables {
        let Ok(key) = AzureKey::from_str(&name) else {
            continue;
        };
        let taken = (is_secret(&key) && given_secret)
            || settings.config.iter().any(|(k, _)| *k == key)
            || key == AzureKey::ContainerName;
        if !taken {
            if is_secret(&key) {
                settings.credential = "environment".into();
            }
            settings.config.push((key, value));
        }
    }
    if settings.credential.is_empty() {
        settings.credential = if settings
            .config
            .iter()
            .any(|(k, v)| *k == AzureKey::UseEmulator && is_true(v))
        {
            "emulator".into()
        } else {
            "managed identity".into()
        };
    }
    Ok(settings)
}

pub(crate) fn gcs(location: &Location, environment: &Environment) -> Result<Settings<GcsKey>> {
    let mut settings = parse(
        location.options().clone(),
        location,
        StoreKind::Gcs,
        GCS_KEYS,
    )?;
    let is_secret = |key: &GcsKey| {
        matches!(
            key,
            GcsKey::ServiceAccount
                | GcsKey::ServiceAccountKey
                | GcsKey::ApplicationCredentials
                | GcsKey::BearerToken
                | GcsKey::SkipSignature
        )
    };
    let given_secret = settings.config.iter().any(|(key, _)| is_secret(key));
    if given_secret {
        settings.credential = "options".into();
    }
    for (name, value) in environment.with_prefix("GOOGLE_") {
        let Ok(key) = GcsKey::from_str(&name) else {
            continue;
        };
        let taken = (is_secret(&key) && given_secret)
            || settings.config.iter().any(|(k, _)| *k == key)
            || key == GcsKey::Bucket;
        if !taken {
            if is_secret(&key) {
                settings.credential = "environment".into();
            }
            settings.config.push((key, value.to_string()));
        }
    }
    if let Some(host) = environment.get("STORAGE_EMULATOR_HOST") {
        if !settings
            .config
            .iter()
            .any(|(key, _)| *key == GcsKey::BaseUrl)
        {
            let url = if host.contains("://") {
                host.into()
            } else {
                format!("http://{host}")
            };
            settings.config.push((GcsKey::BaseUrl, url));
            if settings.credential.is_empty() {
                settings.config.push((GcsKey::SkipSignature, "true".into()));
                settings.credential = "anonymous".into();
            }
        }
    }
    if settings.credential.is_empty() {
        settings.credential = "application default".into();
    }
    Ok(settings)
}

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

fn is_true(value: &str) -> bool {
    matches!(
        value.to_ascii_lowercase().as_str(),
        "1" | "true" | "on" | "yes" | "y"
    )
}

fn parse<K: FromStr>(
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

fn connection_string(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in text.split(';') {
        let Some((key, value)) = part.split_once('=') else {
            continue;
        };
        let name = match key.trim() {
            "AccountName" => "azure_storage_account_name",
            "AccountKey" => "azure_storage_account_key",
            "SharedAccessSignature" => "azure_storage_sas_token",
            "BlobEndpoint" => "azure_storage_endpoint",
            _ => continue,
        };
        found.push((name.to_string(), value.trim().to_string()));
    }
    found
}

/// The candidate that takes the fewest edits to reach from `word`.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> &'a str {
    candidates
        .iter()
        .copied()
        .min_by_key(|candidate| edits(word, candidate))
        .unwrap_or("")
}

fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(url: &str, options: &[(&str, &str)]) -> Location {
        let options = options
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        Location::parse(url, &options).unwrap()
    }

    fn value(settings: &Settings<S3Key>, key: S3Key) -> Option<&str> {
        settings
            .config
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v.as_str())
    }

    #[test]
    fn every_key_that_is_suggested_is_known() {
        for key in S3_KEYS.iter().filter(|key| **key != "aws_profile") {
            assert!(S3Key::from_str(key).is_ok(), "{key}");
        }
        for key in AZURE_KEYS
            .iter()
            .filter(|key| !key.ends_with("connection_string"))
        {
            assert!(AzureKey::from_str(key).is_ok(), "{key}");
        }
        for key in GCS_KEYS {
            assert!(GcsKey::from_str(key).is_ok(), "{key}");
        }
        for key in CLIENT_KEYS.iter().filter(|key| !key.contains("retr")) {
            assert!(S3Key::from_str(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn a_misspelt_key_names_the_nearest() {
        let at = location("s3://b/t", &[("aws_regoin", "x")]);
        let error = s3(&at, &Environment::default()).err().unwrap();
        assert_eq!(error.class(), Class::InvalidStorageOption);
        assert!(
            error.message().contains("did you mean aws_region?"),
            "{error}"
        );
    }

    #[test]
    fn options_win_over_the_environment_as_a_group() {
        let environment = Environment::of(&[
            ("AWS_ACCESS_KEY_ID", "env"),
            ("AWS_SECRET_ACCESS_KEY", "env"),
            ("AWS_SESSION_TOKEN", "env"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_REGION", "eu"),
        ]);
        let own = location(
            "s3://b/t",
            &[
                ("AWS_ACCESS_KEY_ID", "own"),
                ("aws_secret_access_key", "own"),
            ],
        );
        let settings = s3(&own, &environment).ok().unwrap();
        assert_eq!(settings.credential, "options");
        assert_eq!(value(&settings, S3Key::AccessKeyId), Some("own"));
        assert_eq!(value(&settings, S3Key::Token), None);
        assert_eq!(
            value(&settings, S3Key::Endpoint),
            Some("http://127.0.0.1:1")
        );
        let settings = s3(&location("s3://b/t", &[]), &environment).ok().unwrap();
        assert_eq!(settings.credential, "environment");
        assert_eq!(value(&settings, S3Key::Token), Some("env"));
        assert_eq!(value(&settings, S3Key::Region), Some("eu"));
    }

    #[test]
    fn connection_strings_are_understood() {
        let environment = Environment::of(&[(
            "AZURE_STORAGE_CONNECTION_STRING",
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5==;BlobEndpoint=http://127.0.0.1:1/a;",
        )]);
        let settings = azure(&location("az://c/t", &[]), &environment)
            .ok()
            .unwrap();
        assert_eq!(settings.credential, "environment");
        assert!(settings
            .config
            .contains(&(AzureKey::AccessKey, "a2V5==".into())));
        assert!(settings
            .config
            .contains(&(AzureKey::Endpoint, "http://127.0.0.1:1/a".into())));
    }
}
