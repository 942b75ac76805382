//! Whether a store answers, and with which credential it was asked.

use std::ops::ControlFlow;

use serde_json::{json, Map, Value};

use crate::call::Call;
use crate::error::{Class, Error};
use crate::location::Location;
use crate::runtime::Runtime;

/// `{"store", "credential", "reachable", "listable", "error"?}` of a location.
pub fn probe(runtime: &Runtime, call: &Call, location: &Location) -> Value {
    let mut answer = Map::new();
    answer.insert("store".into(), json!(location.kind().name()));
    let (credential, error) = match runtime.store(location) {
        Err(error) => (String::new(), Some(error)),
        Ok(store) => {
            let root = location.root();
            let work = store.list(call, &root, "", |_| ControlFlow::Break(()));
            (store.credential(), runtime.block_on(call, work).err())
        }
    };
    let answered = |error: &Error| {
        error.class() == Class::ObjectNotFound
            || error.class() == Class::SourceNotFound
            || error.details().iter().any(|(key, _)| key == "status")
    };
    answer.insert("credential".into(), json!(credential));
    answer.insert(
        "reachable".into(),
        json!(error.as_ref().is_none_or(answered)),
    );
    answer.insert("listable".into(), json!(error.is_none()));
    if let Some(error) = error {
        answer.insert("error".into(), error.to_json());
    }
    Value::Object(answer)
}
