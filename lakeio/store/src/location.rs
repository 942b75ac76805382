//! Where something lies: a path or URL of a known store, with the options that open the store.

use std::collections::BTreeMap;
use std::path::Path;

use url::Url;

use crate::error::{Class, Error, Result};

/// Storage options: delta-rs' key names, lower case.
pub type Options = BTreeMap<String, String>;

/// The kind of store that a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoreKind {
    /// The file system of this machine.
    Local,
    /// Amazon S3 or anything that speaks its protocol.
    S3,
    /// Azure Blob Storage or Data Lake Storage Gen2.
    Azure,
    /// Google Cloud Storage.
    Gcs,
}

impl StoreKind {
    /// The name of the kind as it stands in answers.
    pub fn name(self) -> &'static str {
        match self {
            StoreKind::Local => "file",
            StoreKind::S3 => "s3",
            StoreKind::Azure => "azure",
            StoreKind::Gcs => "gcs",
        }
    }
}

/// A canonical URL and the options given with it. The URL never ends with a slash.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    url: Url,
    kind: StoreKind,
    options: Options,
}

impl Location {
    /// Understands `/path`, `path`, `file:`, `s3:`, `abfss:`, `az:`, `gs:` and their common aliases.
    /// Keys of `options` may have any case.
    pub fn parse(text: &str, options: &BTreeMap<String, String>) -> Result<Self> {
        let (url, kind) = parse_url(text)?;
        let options = options
            .iter()
            .map(|(k, v)| (k.to_ascii_lowercase(), v.clone()))
            .collect::<Options>();
        Ok(Location { url, kind, options })
    }

    /// The same options with another URL of the same kind, as a table's log may name one. A log in
    /// a remote store cannot name files of this machine.
    pub fn elsewhere(&self, text: &str) -> Result<Self> {
        let (url, kind) = parse_url(text)?;
        if kind == StoreKind::Local && self.kind != StoreKind::Local {
            return Err(Error::new(
                Class::InvalidLocation,
                "an object in a remote store cannot refer to a file of this machine",
            )
            .at(text));
        }
        let options = if kind == self.kind {
            self.options.clone()
        } else {
            Options::new()
        };
        Ok(Location { url, kind, options })
    }

    /// The canonical URL, without a slash at its end.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL with a slash at its end: what relative paths are appended to.
    pub fn root(&self) -> Url {
        let mut url = self.url.clone();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        url
    }

    /// The kind of store.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// The options given, with keys in lower case.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// `scheme://authority`: what one store covers.
    pub fn authority(&self) -> String {
        authority_of(&self.url)
    }

    /// The URL of `path`, which is percent-encoded as paths in a Delta log are: relative to this
    /// location, or absolute.
    pub fn object(&self, path: &str) -> Result<Url> {
        if is_absolute_url(path) {
            return Ok(self.elsewhere(path)?.url);
        }
        let mut url = self.url.clone();
        if path.starts_with('/') {
            url.set_path(path);
        } else {
            url.set_path(&format!(
                "{}/{}",
                self.url.path().trim_end_matches('/'),
                path
            ));
        }
        Ok(url)
    }
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<_> = self.options.keys().collect();
        write!(f, "Location({}, options {:?})", self.url, keys)
    }
}

/// `scheme://authority` of a URL.
pub(crate) fn authority_of(url: &Url) -> String {
    match url.host_str() {
        Some(host) => {
            let user = if url.username().is_empty() {
                String::new()
            } else {
                format!("{}@", url.username())
            };
            let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
            format!("{}://{user}{host}{port}", url.scheme())
        }
        None => format!("{}://", url.scheme()),
    }
}

/// Whether a path of a Delta log is a URL of its own.
pub fn is_absolute_url(path: &str) -> bool {
    let Some(colon) = path.find(':') else {
        return false;
    };
    let scheme = &path[..colon];
    let known = path[colon..].starts_with("://") || scheme.eq_ignore_ascii_case("file");
    known
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && path[colon..].starts_with(":/")
}

fn parse_url(text: &str) -> Result<(Url, StoreKind)> {
    let bad = |why: &str| Error::new(Class::InvalidLocation, why.to_string()).at(redact(text));
    if text.is_empty() {
        return Err(bad("a location is empty; give a path or a URL"));
    }
    if text.contains('\0') {
        return Err(bad("a location contains a NUL character"));
    }
    if !text.contains("://") && !text.to_ascii_lowercase().starts_with("file:") {
        return local_url(Path::new(text)).map(|url| (url, StoreKind::Local));
    }
    let url = Url::parse(text).map_err(|e| bad(&format!("a location is not a valid URL: {e}")))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad(
            "a location has a query or fragment; write '?' as %3F and '#' as %23, and give \
             credentials as storage options",
        ));
    }
    if url.password().is_some() {
        return Err(bad(
            "a location carries a password; give credentials as storage options",
        ));
    }
    let (scheme, kind) = match url.scheme() {
        "file" => {
            let path = url
                .to_file_path()
                .map_err(|()| bad("a file: location names another machine or no absolute path"))?;
            return local_url(&path).map(|url| (url, StoreKind::Local));
        }
        "s3" | "s3a" | "s3n" => ("s3", StoreKind::S3),
        "abfss" | "abfs" => ("abfss", StoreKind::Azure),
        "wasbs" | "wasb" => ("wasbs", StoreKind::Azure),
        "az" | "azure" | "adl" => ("az", StoreKind::Azure),
        "gs" | "gcs" => ("gs", StoreKind::Gcs),
        other => {
            return Err(bad(&format!(
                "the scheme of a location is not known: {other}; use a path, file:, s3:, abfss:, \
                 az: or gs:"
            )))
        }
    };
    if scheme == "az" && url.scheme() == "adl" {
        return Err(bad("Data Lake Storage Gen1 (adl:) is retired; use abfss:"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("a location names no bucket or container"));
    }
    let tail = &text[text.find("://").unwrap_or(0)..];
    let mut canonical = Url::parse(&format!("{scheme}{tail}"))
        .map_err(|e| bad(&format!("a location is not a valid URL: {e}")))?;
    trim_slashes(&mut canonical);
    Ok((canonical, kind))
}

fn local_url(path: &Path) -> Result<Url> {
    let shown = path.display().to_string();
    let absolute = std::path::absolute(path).map_err(|e| {
        Error::new(
            Class::InvalidLocation,
            format!("a path cannot be made absolute: {e}"),
        )
        .at(&shown)
    })?;
    let mut url = Url::from_file_path(&absolute).map_err(|()| {
        Error::new(Class::InvalidLocation, "a path cannot be written as a URL").at(&shown)
    })?;
    trim_slashes(&mut url);
    Ok(url)
}

fn trim_slashes(url: &mut Url) {
    while url.path().len() > 1 && url.path().ends_with('/') {
        let path = url.path().trim_end_matches('/').to_string();
        url.set_path(&path);
    }
}

/// The location without what may be a secret in it.
fn redact(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or("");
    match (text.find("://"), text.find('@')) {
        (Some(scheme), Some(at)) if at > scheme && text[scheme + 3..at].contains(':') => {
            format!("{}://***{}", &text[..scheme], &text[at..])
        }
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        Location::parse(text, &Options::new())
            .unwrap()
            .url()
            .to_string()
    }

    #[test]
    fn canonical_forms() {
        assert_eq!(url("/lake/products/"), "file:///lake/products");
        assert_eq!(url("/lake/a b%20#?"), "file:///lake/a%20b%2520%23%3F");
        assert_eq!(url("file:/lake/x"), "file:///lake/x");
        assert_eq!(url("file:///lake/a%20b"), "file:///lake/a%20b");
        assert_eq!(url("s3a://bucket/t/"), "s3://bucket/t");
        assert_eq!(
            url("abfs://c@a.dfs.core.windows.net/t"),
            "abfss://c@a.dfs.core.windows.net/t"
        );
        assert_eq!(url("gs://b/t"), "gs://b/t");
    }

    #[test]
    fn wrong_locations_say_why_without_secrets() {
        for text in [
            "",
            "http://x/y",
            "s3:///x",
            "s3://user:secret@b/x",
            "s3://b/x?sig=secret",
        ] {
            let error = Location::parse(text, &Options::new()).unwrap_err();
            assert_eq!(error.class(), Class::InvalidLocation, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn paths_of_a_log() {
        let at = Location::parse("s3://b/t", &Options::new()).unwrap();
        assert_eq!(
            at.object("p=a%2520b/x.parquet").unwrap().as_str(),
            "s3://b/t/p=a%2520b/x.parquet"
        );
        assert_eq!(at.object("a:b/x").unwrap().as_str(), "s3://b/t/a:b/x");
        assert_eq!(at.object("s3a://c/x").unwrap().as_str(), "s3://c/x");
        assert_eq!(at.object("/z/x").unwrap().as_str(), "s3://b/z/x");
        assert!(at.object("file:///etc/passwd").is_err());
    }
}
