//! Listing a directory of a remote store in the order of names.

use std::ops::ControlFlow;
use std::sync::Arc;

use futures::StreamExt;
use url::Url;

use crate::call::Call;
use crate::error::{Class, Error, Result};
use crate::location::StoreKind;
use crate::store::{object_path, ObjectMeta, Store};
use crate::wire::Wire;

impl Store {
    /// As `list`; what it did not show because the store gives it in no order.
    pub(crate) async fn list_remote(
        &self,
        call: &Call,
        directory: &Url,
        from: &str,
        visit: &mut impl FnMut(ObjectMeta) -> ControlFlow<()>,
    ) -> Result<Vec<ObjectMeta>> {
        let prefix = object_path(directory)?;
        let skip = prefix.as_ref().len() + usize::from(!prefix.as_ref().is_empty());
        // The stores start after a name; the greatest string before `from` comes close enough.
        let offset = predecessor(from).map(|name| prefix.clone().join(name));
        let unordered = self.kind() == StoreKind::Azure;
        let mut held = Vec::new();
        // What was shown must not be shown again when an expired credential makes the listing
        // start anew.
        let mut last = String::new();
        let start = || {
            let (generation, store) = self.current()?;
            let stream = match &offset {
                Some(offset) => store.list_with_offset(Some(&prefix), offset),
                None => store.list(Some(&prefix)),
            };
            Ok::<_, Error>((generation, stream))
        };
        let (generation, mut stream) = start()?;
        let mut refreshed = false;
        let wire = Arc::new(Wire::default());
        loop {
            let next = async { stream.next().await.transpose() };
            let meta = match self.sent(call, directory, &wire, next).await {
                Ok(Some(meta)) => meta,
                Ok(None) => break,
                Err(error) if error.class() == Class::StoreAuthentication && !refreshed => {
                    refreshed = true;
                    if !self.refresh(call, generation).await? {
                        return Err(error);
                    }
                    held.clear();
                    stream = start()?.1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let new =
                |o: &ObjectMeta| o.name.as_str() >= from && (last.is_empty() || o.name > last);
            let Some(found) = found(&meta, skip).filter(new) else {
                continue;
            };
            if unordered {
                held.push(found);
            } else {
                last.clone_from(&found.name);
                if visit(found).is_break() {
                    break;
                }
            }
        }
        held.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(held)
    }
}

/// What a listing tells of an object, whose name in the directory comes after `skip` bytes; none
/// when it lies deeper.
fn found(meta: &object_store::ObjectMeta, skip: usize) -> Option<ObjectMeta> {
    let name = meta.location.as_ref().get(skip..)?;
    (!name.contains('/')).then(|| ObjectMeta {
        name: name.to_string(),
        size: meta.size,
        modified_ms: meta.last_modified.timestamp_millis(),
    })
}

/// A name shortly before `name` in the order of bytes, after which a listing can start.
fn predecessor(name: &str) -> Option<String> {
    let mut chars: Vec<char> = name.chars().collect();
    let last = chars.pop()?;
    if !last.is_ascii_alphanumeric() {
        return if chars.is_empty() {
            None
        } else {
            Some(chars.into_iter().collect())
        };
    }
    if last > '!' {
        chars.push(char::from(last as u8 - 1));
        chars.push('~');
    }
    Some(chars.into_iter().collect())
}

/// Collects what a listing shows.
pub async fn list_all(
    store: &Store,
    call: &Call,
    directory: &Url,
    from: &str,
) -> Result<Vec<ObjectMeta>> {
    let mut found = Vec::new();
    store
        .list(call, directory, from, |meta| {
            found.push(meta);
            ControlFlow::Continue(())
        })
        .await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predecessors_come_before() {
        for name in [
            "00000000000000000010.json",
            "a",
            "0",
            "00000000000000000010.",
            "_x",
            "0001",
        ] {
            if let Some(before) = predecessor(name) {
                assert!(before.as_str() < name, "{before} {name}");
            }
        }
        assert_eq!(predecessor("0010").as_deref(), Some("001/~"));
    }
}
