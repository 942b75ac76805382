//! What an Azure store is built from: the location's options, completed from `AZURE_*`; connection
//! strings are taken apart.

use std::str::FromStr;

use object_store::azure::AzureConfigKey as AzureKey;

use crate::environment::Environment;
use crate::error::Result;
use crate::location::{Location, StoreKind};
use crate::options::{is_true, parse, Settings};

const KEYS: &[&str] = &[
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

fn is_secret(key: &AzureKey) -> bool {
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
}

/// What an Azure store is built from.
pub(crate) fn settings(
    location: &Location,
    environment: &Environment,
) -> Result<Settings<AzureKey>> {
    let mut options = location.options().clone();
    if let Some(text) = options.remove("azure_storage_connection_string") {
        for (key, value) in connection_string(&text) {
            options.entry(key).or_insert(value);
        }
    }
    let mut settings = parse(options, location, StoreKind::Azure, KEYS)?;
    let given_secret = settings.config.iter().any(|(key, _)| is_secret(key));
    if given_secret {
        settings.credential = "options".into();
    }
    for (name, value) in variables(environment) {
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

/// What the environment says, in the names of options.
fn variables(environment: &Environment) -> Vec<(String, String)> {
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
    variables
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::tests::location;

    #[test]
    fn every_key_that_is_suggested_is_known() {
        for key in KEYS
            .iter()
            .filter(|key| !key.ends_with("connection_string"))
        {
            assert!(AzureKey::from_str(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn connection_strings_are_understood() {
        let environment = Environment::of(&[(
            "AZURE_STORAGE_CONNECTION_STRING",
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5==;BlobEndpoint=http://127.0.0.1:1/a;",
        )]);
        let settings = settings(&location("az://c/t", &[]), &environment)
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
