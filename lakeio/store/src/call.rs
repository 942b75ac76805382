//! The bounds of one call: a deadline and a flag that another thread raises.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::error::{Class, Error, Result};

/// A flag that one thread raises and others look at or wait for. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    raised: AtomicBool,
    wake: Notify,
}

impl Cancel {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag, for good. Wakes everyone who waits.
    pub fn raise(&self) {
        self.0.raised.store(true, Ordering::SeqCst);
        self.0.wake.notify_waiters();
    }

    /// Whether the flag is raised.
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst)
    }

    async fn raised(&self) {
        loop {
            let wake = self.0.wake.notified();
            tokio::pin!(wake);
            wake.as_mut().enable();
            if self.is_raised() {
                return;
            }
            wake.await;
        }
    }
}

/// Bounds everything that may block. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Call {
    deadline: Option<Instant>,
    cancel: Option<Cancel>,
}

impl Call {
    /// No bounds at all.
    pub fn unbounded() -> Self {
        Self::default()
    }

    /// A deadline of `timeout` from now (none: no deadline) and a flag.
    pub fn new(timeout: Option<Duration>, cancel: Option<Cancel>) -> Self {
        Call {
            deadline: timeout.and_then(|t| Instant::now().checked_add(t)),
            cancel,
        }
    }

    /// The same flag without the deadline: what a stream keeps of the call that made it.
    pub fn without_deadline(&self) -> Self {
        Call {
            deadline: None,
            cancel: self.cancel.clone(),
        }
    }

    /// The moment at which the call's time is over.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Fails when the flag is raised or the time is over.
    pub fn check(&self) -> Result<()> {
        if self.cancel.as_ref().is_some_and(Cancel::is_raised) {
            return Err(cancelled());
        }
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(deadline_exceeded());
        }
        Ok(())
    }

    /// Runs `work` until it is done, the flag is raised or the time is over.
    pub async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.check()?;
        let flag = async {
            match &self.cancel {
                Some(cancel) => cancel.raised().await,
                None => std::future::pending().await,
            }
        };
        let clock = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = flag => Err(cancelled()),
            result = work => result,
            () = clock => Err(deadline_exceeded()),
        }
    }
}

fn cancelled() -> Error {
    Error::new(Class::Cancelled, "the call was cancelled")
}

fn deadline_exceeded() -> Error {
    Error::new(
        Class::DeadlineExceeded,
        "the call's time is over; allow more time or try later",
    )
    .retryable_as(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(work)
    }

    #[test]
    fn a_raised_flag_ends_a_wait() {
        let cancel = Cancel::new();
        let call = Call::new(None, Some(cancel.clone()));
        let other = std::thread::spawn(move || cancel.raise());
        let result: Result<()> = block_on(call.run(std::future::pending()));
        assert_eq!(result.unwrap_err().class(), Class::Cancelled);
        assert_eq!(call.check().unwrap_err().class(), Class::Cancelled);
        other.join().unwrap();
    }

    #[test]
    fn the_deadline_ends_a_wait() {
        let call = Call::new(Some(Duration::from_millis(1)), None);
        let result: Result<()> = block_on(call.run(std::future::pending()));
        assert_eq!(result.unwrap_err().class(), Class::DeadlineExceeded);
        assert!(call.without_deadline().check().is_ok());
    }

    #[test]
    fn work_that_is_done_wins() {
        let call = Call::new(Some(Duration::from_secs(60)), Some(Cancel::new()));
        assert_eq!(block_on(call.run(async { Ok(7) })), Ok(7));
    }
}
