//! What an error of the object store crate means, in our classes: from its kind, the store's
//! own code and message, and what happened on the wire.

use object_store::client::{HttpError, HttpErrorKind};

use crate::error::{Class, Error};
use crate::wire::Wire;

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
    if let Some((class, message)) = by_status(wire.status(), store_code, text) {
        return finish(class, message);
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

/// What the status of an answer tells; none when it tells nothing or there was no answer.
fn by_status(status: u16, store_code: &str, text: &str) -> Option<(Class, &'static str)> {
    const THROTTLED: (Class, &str) = (Class::StoreThrottled, "the store asks for fewer requests");
    Some(match status {
        416 => (
            Class::ObjectTruncated,
            "the object is shorter than expected",
        ),
        429 => THROTTLED,
        503 if store_code == "SlowDown" || text.contains("ServerBusy") => THROTTLED,
        500.. => (Class::StoreUnreachable, "the store fails; try later"),
        301 | 307 => (
            Class::StoreRefused,
            "the bucket lies in another region; set the storage option aws_region",
        ),
        400.. => (Class::StoreRefused, "the store refuses the request"),
        _ => return None,
    })
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
