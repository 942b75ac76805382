//! Writing one object: a draft on the local file system, an upload in parts elsewhere.

use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use url::Url;

use crate::call::Call;
use crate::error::{Error, Result};
use crate::local::{self, Draft};
use crate::store::{object_path, Store};
use crate::wire::Wire;

/// Objects of at least this size are written in parts of it.
const PART_BYTES: usize = 8 << 20;

/// Writes one object that appears whole at `finish`; dropped before, it leaves nothing.
pub struct ObjectWriter {
    store: Store,
    url: Url,
    written: u64,
    state: State,
}

enum State {
    Local(Draft),
    Remote {
        buffer: BytesMut,
        upload: Option<Upload>,
    },
}

/// An upload in parts; dropped before it is complete, it is given up.
struct Upload {
    /// Behind a lock because it cannot be shared between threads, as a writer can.
    parts: Mutex<Option<Box<dyn MultipartUpload>>>,
    threads: Handle,
}

impl ObjectWriter {
    pub(crate) fn start(store: &Store, call: &Call, url: &Url) -> Result<Self> {
        let state = if store.is_local() {
            State::Local(store.local(call, || Draft::create(&local::path_of(url)?))?)
        } else {
            State::Remote {
                buffer: BytesMut::new(),
                upload: None,
            }
        };
        Ok(ObjectWriter {
            store: store.clone(),
            url: url.clone(),
            written: 0,
            state,
        })
    }

    /// Bytes taken so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Takes more bytes. After an error the writer can only be dropped.
    pub async fn write(&mut self, call: &Call, bytes: &[u8]) -> Result<()> {
        self.written += bytes.len() as u64;
        let (store, url) = (&self.store, &self.url);
        match &mut self.state {
            State::Local(draft) => store.local(call, || draft.write(bytes)),
            State::Remote { buffer, upload } => {
                buffer.extend_from_slice(bytes);
                while buffer.len() >= PART_BYTES {
                    let part = buffer.split_to(PART_BYTES).freeze();
                    let upload = match upload {
                        Some(upload) => upload,
                        None => upload.insert(Upload::start(store, call, url).await?),
                    };
                    upload.send(store, call, url, part).await?;
                }
                Ok(())
            }
        }
    }

    /// Makes the object appear, over another of its name.
    pub async fn finish(self, call: &Call) -> Result<u64> {
        let (store, url) = (&self.store, &self.url);
        match self.state {
            State::Local(draft) => store.local(call, || draft.publish(true))?,
            State::Remote {
                buffer,
                upload: None,
            } => {
                store.put(call, url, buffer.freeze()).await?;
                return Ok(self.written);
            }
            State::Remote {
                buffer,
                upload: Some(mut upload),
            } => {
                if !buffer.is_empty() {
                    upload.send(store, call, url, buffer.freeze()).await?;
                }
                upload.complete(store, call, url).await?;
            }
        }
        store.metrics().written(self.written);
        Ok(self.written)
    }
}

impl Upload {
    async fn start(store: &Store, call: &Call, url: &Url) -> Result<Self> {
        let path = object_path(url)?;
        let parts = store
            .remote(call, url, |store| {
                let path = path.clone();
                async move { store.put_multipart(&path).await }
            })
            .await?;
        Ok(Upload {
            parts: Mutex::new(Some(parts)),
            threads: store.inner.runtime.handle.clone(),
        })
    }

    fn parts(&mut self) -> Result<&mut Box<dyn MultipartUpload>> {
        let parts = self.parts.get_mut().ok().and_then(Option::as_mut);
        parts.ok_or_else(|| Error::internal("an upload was used after its end"))
    }

    async fn send(&mut self, store: &Store, call: &Call, url: &Url, part: Bytes) -> Result<()> {
        let sending = self.parts()?.put_part(PutPayload::from_bytes(part));
        let wire = Arc::new(Wire::default());
        store.sent(call, url, &wire, sending).await
    }

    async fn complete(mut self, store: &Store, call: &Call, url: &Url) -> Result<()> {
        let completing = self.parts()?.complete();
        let wire = Arc::new(Wire::default());
        store.sent(call, url, &wire, completing).await?;
        self.parts = Mutex::new(None);
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut parts) = self.parts.get_mut().ok().and_then(Option::take) {
            self.threads.spawn(async move {
                let _ = parts.abort().await;
            });
        }
    }
}
