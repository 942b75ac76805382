//! What one process needs of lakeio once: threads, stores and their counters.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{json, Value};
use tokio::runtime::Handle;
use url::Url;

use crate::call::Call;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::location::{authority_of, Location, Options};
use crate::store::Store;

/// Asks for the storage options of a URL afresh; `None` when there are no others. Called from any
/// thread; may block.
pub type CredentialsFn = Arc<dyn Fn(&str) -> Result<Option<Options>> + Send + Sync>;

/// How a runtime behaves.
#[derive(Clone, Debug)]
pub struct RuntimeOptions {
    /// Threads that wait for the network.
    pub threads: usize,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one request may take, its answer included.
    pub request_timeout: Duration,
    /// How often a failed request is repeated, with growing random pauses.
    pub max_retries: usize,
    /// How long after the first attempt a request may still be repeated.
    pub retry_budget: Duration,
    /// Whether endpoints without TLS are allowed.
    pub allow_http: bool,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        RuntimeOptions {
            threads: 2,
            connect_timeout: Duration::from_millis(5000),
            request_timeout: Duration::from_millis(30_000),
            max_retries: 5,
            retry_budget: Duration::from_millis(60_000),
            allow_http: true,
        }
    }
}

/// Threads, stores and counters. Cheap to clone; the last clone ends the threads.
#[derive(Clone)]
pub struct Runtime {
    state: Arc<RuntimeState>,
    threads: Arc<Threads>,
}

pub(crate) struct RuntimeState {
    pub(crate) options: RuntimeOptions,
    pub(crate) environment: Environment,
    pub(crate) credentials: Option<CredentialsFn>,
    pub(crate) handle: Handle,
    stores: Mutex<BTreeMap<StoreKey, Store>>,
}

type StoreKey = (String, Vec<(String, String)>);

/// Ends without waiting, as a runtime may be dropped on one of its own threads.
struct Threads {
    threads: Option<tokio::runtime::Runtime>,
    state: Arc<RuntimeState>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Each store refers to the state that keeps it: without this neither would ever go.
        if let Ok(mut stores) = self.state.stores.lock() {
            stores.clear();
        }
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

impl Runtime {
    /// Starts the threads. `environment` is what options of stores are completed from.
    pub fn new(
        options: RuntimeOptions,
        environment: Environment,
        credentials: Option<CredentialsFn>,
    ) -> Result<Self> {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads.clamp(1, 64))
            .max_blocking_threads(16)
            .thread_name("lakeio")
            .enable_all()
            .build()
            .map_err(|e| Error::internal(format!("threads cannot be started: {e}")))?;
        let handle = threads.handle().clone();
        let state = Arc::new(RuntimeState {
            options,
            environment,
            credentials,
            handle,
            stores: Mutex::new(BTreeMap::new()),
        });
        Ok(Runtime {
            state: state.clone(),
            threads: Arc::new(Threads {
                threads: Some(threads),
                state,
            }),
        })
    }

    /// A runtime with the defaults and the environment of this process.
    pub fn with_defaults() -> Result<Self> {
        Runtime::new(RuntimeOptions::default(), Environment::of_process(), None)
    }

    /// How this runtime behaves.
    pub fn options(&self) -> &RuntimeOptions {
        &self.state.options
    }

    /// Where tasks can be started that go on while the caller computes.
    pub fn handle(&self) -> &Handle {
        &self.state.handle
    }

    /// Blocks the calling thread until `work` is done, the call is cancelled or its time is over.
    /// REQUIRES: the calling thread is not one of the runtime's.
    pub fn block_on<T>(&self, call: &Call, work: impl Future<Output = Result<T>>) -> Result<T> {
        if Handle::try_current().is_ok() {
            return Err(Error::internal(
                "a blocking call was made on a thread of the runtime",
            ));
        }
        debug_assert!(self.threads.threads.is_some());
        self.state.handle.block_on(call.run(work))
    }

    /// The store of a location: one for each authority and set of options. Sends nothing.
    pub fn store(&self, location: &Location) -> Result<Store> {
        let options = location
            .options()
            .iter()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let key = (location.authority(), options);
        let lock = || {
            self.state
                .stores
                .lock()
                .map_err(|_| Error::internal("a lock is poisoned"))
        };
        if let Some(store) = lock()?.get(&key) {
            return Ok(store.clone());
        }
        let store = Store::open(location, self.state.clone())?;
        Ok(lock()?.entry(key).or_insert(store).clone())
    }

    /// The store of `url`, an object that belongs to something at `base`: mostly base's own store.
    pub fn store_for(&self, base: &Location, url: &Url) -> Result<Store> {
        if authority_of(url) == base.authority() {
            return self.store(base);
        }
        self.store(&base.elsewhere(url.as_str())?)
    }

    /// `{"stores": […]}`: the counters of every store since the start.
    pub fn metrics(&self) -> Result<Value> {
        let stores = self
            .state
            .stores
            .lock()
            .map_err(|_| Error::internal("a lock is poisoned"))?;
        let each: Vec<Value> = stores
            .iter()
            .map(|((url, _), store)| store.metrics().to_json(url))
            .collect();
        Ok(json!({ "stores": each }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outlives_the_last_clone() {
        let runtime =
            Runtime::new(RuntimeOptions::default(), Environment::default(), None).unwrap();
        let location = Location::parse("s3://b/t", &Options::new()).unwrap();
        runtime.store(&location).unwrap();
        let state = Arc::downgrade(&runtime.state);
        drop(runtime.clone());
        assert!(state.upgrade().is_some());
        drop(runtime);
        assert!(state.upgrade().is_none());
    }

    #[test]
    fn one_store_for_one_authority_and_options() {
        let runtime =
            Runtime::new(RuntimeOptions::default(), Environment::default(), None).unwrap();
        let location = |url: &str| Location::parse(url, &Options::new()).unwrap();
        runtime.store(&location("/a")).unwrap();
        runtime.store(&location("/b")).unwrap();
        runtime.store(&location("s3://b/t")).unwrap();
        let metrics = runtime.metrics().unwrap();
        assert_eq!(metrics["stores"].as_array().unwrap().len(), 2, "{metrics}");
    }
}
