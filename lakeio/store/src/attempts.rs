//! What a remote store is asked, and asked again: where an answer breaks off, and with another
//! credential where the one at hand is refused.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use object_store::ObjectStore;
use url::Url;

use crate::call::Call;
use crate::classify::classify;
use crate::error::{Class, Error, Result};
use crate::location::Location;
use crate::remote;
use crate::store::{Backend, Store};
use crate::wire::{Wire, WIRE};

impl Store {
    /// Runs `work`; when the store refuses the credential and another can be had, once more.
    pub(crate) async fn remote<T, F, W>(&self, call: &Call, url: &Url, work: F) -> Result<T>
    where
        F: Fn(Arc<dyn ObjectStore>) -> W,
        W: Future<Output = object_store::Result<T>>,
    {
        self.remote_on(call, url, &Arc::new(Wire::default()), work)
            .await
    }

    /// As `remote`, for reading an object: an answer that breaks off is asked for again, as often and
    /// as long as a request that fails. The object store's client repeats requests, not answers.
    pub(crate) async fn remote_body<T, F, W>(&self, call: &Call, url: &Url, work: F) -> Result<T>
    where
        F: Fn(Arc<dyn ObjectStore>) -> W,
        W: Future<Output = object_store::Result<T>>,
    {
        let Backend::Remote { retry, .. } = &self.inner.backend else {
            return Err(Error::internal("a local store was used as a remote one"));
        };
        let start = Instant::now();
        let mut pause = retry.backoff.init_backoff;
        for attempt in 0.. {
            let wire = Arc::new(Wire::default());
            let error = match self.remote_on(call, url, &wire, &work).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let broke_off = wire.answered() && error.class() == Class::StoreUnreachable;
            if !broke_off || attempt >= retry.max_retries || start.elapsed() >= retry.retry_timeout
            {
                return Err(error);
            }
            self.inner.metrics.retry();
            call.run(async {
                tokio::time::sleep(pause).await;
                Ok(())
            })
            .await?;
            pause = pause
                .mul_f64(retry.backoff.base)
                .min(retry.backoff.max_backoff);
        }
        Err(Error::internal("the attempts ran out of numbers").at(url))
    }

    /// As `remote`, with what happens on the wire in `wire`.
    pub(crate) async fn remote_on<T, F, W>(
        &self,
        call: &Call,
        url: &Url,
        wire: &Arc<Wire>,
        work: F,
    ) -> Result<T>
    where
        F: Fn(Arc<dyn ObjectStore>) -> W,
        W: Future<Output = object_store::Result<T>>,
    {
        let mut refreshed = false;
        loop {
            let (generation, store) = self.current()?;
            let error = match self.sent(call, url, wire, work(store)).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if error.class() == Class::StoreAuthentication && !refreshed {
                refreshed = true;
                if self.refresh(call, generation).await? {
                    continue;
                }
            }
            return Err(error);
        }
    }

    /// Waits for what `work` sends; counts it, and names what goes wrong with the object `url`.
    pub(crate) async fn sent<T>(
        &self,
        call: &Call,
        url: &Url,
        wire: &Arc<Wire>,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        let work = async {
            WIRE.scope(wire.clone(), work)
                .await
                .map_err(|e| classify(&e, wire, url.as_str()))
        };
        let result = call.run(work).await;
        self.inner.metrics.waited(start.elapsed());
        result.map_err(|error| {
            self.inner.metrics.error();
            error.at(url)
        })
    }

    pub(crate) fn current(&self) -> Result<(u64, Arc<dyn ObjectStore>)> {
        match &self.inner.backend {
            Backend::Local => Err(Error::internal("a local store was used as a remote one")),
            Backend::Remote { current, .. } => {
                let current = current
                    .read()
                    .map_err(|_| Error::internal("a lock is poisoned"))?;
                Ok((current.0, current.1.clone()))
            }
        }
    }

    fn generation(&self) -> u64 {
        self.current().map_or(0, |current| current.0)
    }

    /// Asks for other options and rebuilds the store; false when there are no others.
    pub(crate) async fn refresh(&self, call: &Call, seen: u64) -> Result<bool> {
        let Backend::Remote {
            current, refresh, ..
        } = &self.inner.backend
        else {
            return Ok(false);
        };
        let Some(ask) = self.inner.runtime.credentials.clone() else {
            return Ok(false);
        };
        let _one_at_a_time = refresh.lock().await;
        if self.generation() != seen {
            return Ok(true);
        }
        let url = self.inner.location.url().to_string();
        let answer = call
            .run(async {
                tokio::task::spawn_blocking(move || ask(&url))
                    .await
                    .map_err(|_| Error::internal("the credentials callback failed"))?
            })
            .await?;
        let Some(fresh) = answer else {
            return Ok(false);
        };
        let mut options = self.inner.location.options().clone();
        options.extend(fresh.into_iter().map(|(k, v)| (k.to_ascii_lowercase(), v)));
        let location = Location::parse(self.inner.location.url().as_str(), &options)?;
        let runtime = &self.inner.runtime;
        let built = remote::build(
            &location,
            &runtime.environment,
            &runtime.options,
            &self.inner.metrics,
        )?;
        let mut current = current
            .write()
            .map_err(|_| Error::internal("a lock is poisoned"))?;
        *current = (seen + 1, built.store, built.credential);
        Ok(true)
    }
}
