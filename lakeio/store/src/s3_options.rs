//! What an S3 store is built from: the location's options, completed from `AWS_*` and from a
//! profile. Keys, endpoint and region are each taken from one place only.

use std::str::FromStr;

use object_store::aws::AmazonS3ConfigKey as S3Key;

use crate::environment::Environment;
use crate::error::{Class, Error, Result};
use crate::location::{Location, StoreKind};
use crate::options::{is_true, parse, Settings};
use crate::profile::{self, Profile};

const KEYS: &[&str] = &[
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

/// What an S3 store is built from.
pub(crate) fn settings(location: &Location, environment: &Environment) -> Result<Settings<S3Key>> {
    let mut options = location.options().clone();
    let profile_asked = options
        .remove("aws_profile")
        .or_else(|| options.remove("profile"));
    let mut settings = parse(options, location, StoreKind::S3, KEYS)?;
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
    let environment = match &profile_asked {
        Some(name) => environment.clone().with("AWS_PROFILE", name),
        None => environment.clone(),
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{tests::location, CLIENT_KEYS};

    fn value(settings: &Settings<S3Key>, key: S3Key) -> Option<&str> {
        settings
            .config
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v.as_str())
    }

    #[test]
    fn every_key_that_is_suggested_is_known() {
        for key in KEYS.iter().filter(|key| **key != "aws_profile") {
            assert!(S3Key::from_str(key).is_ok(), "{key}");
        }
        for key in CLIENT_KEYS.iter().filter(|key| !key.contains("retr")) {
            assert!(S3Key::from_str(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn a_misspelt_key_names_the_nearest() {
        let at = location("s3://b/t", &[("aws_regoin", "x")]);
        let error = settings(&at, &Environment::default()).err().unwrap();
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
        let settings = super::settings(&own, &environment).ok().unwrap();
        assert_eq!(settings.credential, "options");
        assert_eq!(value(&settings, S3Key::AccessKeyId), Some("own"));
        assert_eq!(value(&settings, S3Key::Token), None);
        assert_eq!(
            value(&settings, S3Key::Endpoint),
            Some("http://127.0.0.1:1")
        );
        let settings = super::settings(&location("s3://b/t", &[]), &environment)
            .ok()
            .unwrap();
        assert_eq!(settings.credential, "environment");
        assert_eq!(value(&settings, S3Key::Token), Some("env"));
        assert_eq!(value(&settings, S3Key::Region), Some("eu"));
    }
}
