//! What a Google Cloud Storage store is built from: the location's options, completed from
//! `GOOGLE_*` and the emulator's variable.

use std::str::FromStr;

use object_store::gcp::GoogleConfigKey as GcsKey;

use crate::environment::Environment;
use crate::error::Result;
use crate::location::{Location, StoreKind};
use crate::options::{parse, Settings};

const KEYS: &[&str] = &[
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

fn is_secret(key: &GcsKey) -> bool {
    matches!(
        key,
        GcsKey::ServiceAccount
            | GcsKey::ServiceAccountKey
            | GcsKey::ApplicationCredentials
            | GcsKey::BearerToken
            | GcsKey::SkipSignature
    )
}

/// What a Google Cloud Storage store is built from.
pub(crate) fn settings(location: &Location, environment: &Environment) -> Result<Settings<GcsKey>> {
    let mut settings = parse(location.options().clone(), location, StoreKind::Gcs, KEYS)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_suggested_is_known() {
        for key in KEYS {
            assert!(GcsKey::from_str(key).is_ok(), "{key}");
        }
    }
}
