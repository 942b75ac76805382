//! The HTTP client of remote stores, which counts what is sent and notes, for each operation, what
//! happened on the wire.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use object_store::ClientOptions;

use crate::metrics::Metrics;

/// What happened on the wire during one operation.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    requests: AtomicU64,
    failed: AtomicBool,
    status: AtomicU16,
    host: Mutex<String>,
}

impl Wire {
    /// Whether a request was repeated, so that an earlier one may have had its effect.
    pub(crate) fn repeated(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 1
    }

    /// Whether the store had begun to answer with what was asked for.
    pub(crate) fn answered(&self) -> bool {
        (200..300).contains(&self.status())
    }

    /// The status of the last answer; 0: there was none.
    pub(crate) fn status(&self) -> u16 {
        self.status.load(Ordering::Relaxed)
    }

    /// The host that was asked last.
    pub(crate) fn host(&self) -> String {
        self.host
            .lock()
            .map(|host| host.clone())
            .unwrap_or_default()
    }
}

tokio::task_local! {
    /// The operation on whose behalf the current task sends requests.
    pub(crate) static WIRE: Arc<Wire>;
}

#[derive(Debug)]
struct Counted {
    inner: HttpClient,
    metrics: Arc<Metrics>,
}

#[async_trait]
impl HttpService for Counted {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or("").to_string();
        let wire = WIRE.try_with(Arc::clone).ok();
        self.metrics.request();
        if let Some(wire) = &wire {
            wire.requests.fetch_add(1, Ordering::Relaxed);
            if wire.failed.swap(false, Ordering::Relaxed) {
                self.metrics.retry();
            }
            wire.status.store(0, Ordering::Relaxed);
            if let Ok(mut last) = wire.host.lock() {
                *last = host;
            }
        }
        let result = self.inner.execute(request).await;
        if let Some(wire) = &wire {
            let status = result
                .as_ref()
                .map_or(0, |response| response.status().as_u16());
            wire.status.store(status, Ordering::Relaxed);
            wire.failed.store(
                status == 0 || status == 429 || status >= 500,
                Ordering::Relaxed,
            );
        }
        result
    }
}

/// Makes clients that count.
#[derive(Debug)]
pub(crate) struct Connector(pub Arc<Metrics>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Counted {
            inner,
            metrics: self.0.clone(),
        }))
    }
}
