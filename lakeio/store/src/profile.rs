//! The shared configuration and credentials files of the AWS command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::{Class, Error, Result};

/// What one profile says: keys as in the files, in lower case.
pub(crate) type Profile = BTreeMap<String, String>;

/// The profile that the environment selects: `AWS_PROFILE`, or `default` where the files have one.
/// A profile that is asked for by name and is in neither file is an error.
pub(crate) fn selected(environment: &Environment) -> Result<Option<(String, Profile)>> {
    let asked = environment
        .get("AWS_PROFILE")
        .or_else(|| environment.get("AWS_DEFAULT_PROFILE"));
    let name = asked.unwrap_or("default").to_string();
    let home = environment.get("HOME").map(PathBuf::from);
    let file = |variable: &str, default: &str| {
        environment
            .get(variable)
            .map(PathBuf::from)
            .or_else(|| home.as_ref().map(|home| home.join(".aws").join(default)))
    };
    let mut found: Option<Profile> = None;
    for (path, section) in [
        (file("AWS_CONFIG_FILE", "config"), config_section(&name)),
        (
            file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            name.clone(),
        ),
    ] {
        let Some(path) = path else { continue };
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        if let Some(values) = section_of(&text, &section) {
            found.get_or_insert_with(Profile::new).extend(values);
        }
    }
    match (found, asked) {
        (Some(profile), _) => Ok(Some((name, profile))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::new(
            Class::StoreAuthentication,
            format!("the AWS profile is in neither the config nor the credentials file: {name}"),
        )),
    }
}

fn config_section(name: &str) -> String {
    if name == "default" {
        name.to_string()
    } else {
        format!("profile {name}")
    }
}

fn section_of(text: &str, wanted: &str) -> Option<Profile> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines() {
        let nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or("").trim();
            let header = header.split_whitespace().collect::<Vec<_>>().join(" ");
            inside = header == wanted || (wanted == "default" && header == "profile default");
            if inside {
                found.get_or_insert_with(Profile::new);
            }
        } else if let (true, false, Some((key, value))) = (inside, nested, line.split_once('=')) {
            if let Some(profile) = &mut found {
                profile.insert(key.trim().to_ascii_lowercase(), value.trim().to_string());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_make_one_profile() {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config");
        let credentials = directory.path().join("credentials");
        std::fs::write(
            &config,
            "[default]\nregion = a\n[profile lake]\nregion=eu-west-1\ns3 =\n  region = nested\n\
             endpoint_url = http://127.0.0.1:9\n",
        )
        .unwrap();
        std::fs::write(
            &credentials,
            "# keys\n[lake]\naws_access_key_id = AK\naws_secret_access_key=SK=\n",
        )
        .unwrap();
        let environment = Environment::of(&[
            ("AWS_PROFILE", "lake"),
            ("AWS_CONFIG_FILE", config.to_str().unwrap()),
            ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap()),
        ]);
        let (name, profile) = selected(&environment).unwrap().unwrap();
        assert_eq!(name, "lake");
        assert_eq!(profile["region"], "eu-west-1");
        assert_eq!(profile["aws_secret_access_key"], "SK=");
        assert_eq!(profile["endpoint_url"], "http://127.0.0.1:9");
        let missing = Environment::of(&[("AWS_PROFILE", "none")]);
        assert_eq!(
            selected(&missing).unwrap_err().class(),
            Class::StoreAuthentication
        );
        assert!(selected(&Environment::of(&[])).unwrap().is_none());
    }
}
