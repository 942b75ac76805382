//! Work on several threads at once.

use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::thread::{available_parallelism, scope, Builder};

/// Threads that are worth having, the caller's own included.
pub(crate) fn width() -> usize {
    /// More would wait for the caller, who puts the results together.
    const MOST: usize = 4;
    // The system reads files to tell.
    static WIDTH: OnceLock<usize> = OnceLock::new();
    *WIDTH.get_or_init(|| available_parallelism().map_or(1, usize::from).min(MOST))
}

/// `f` of each of the parts, all at the same time; the results are in their order. The first part
/// is the caller's thread's, as is one for which no thread can be had.
pub(crate) fn map<P: Copy + Send + Sync, R: Send>(
    parts: &[P],
    f: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let Some((first, others)) = parts.split_first() else {
        return Vec::new();
    };
    let f = &f;
    scope(|scope| {
        let started: Vec<_> = others
            .iter()
            .map(|part| Builder::new().spawn_scoped(scope, move || f(*part)))
            .collect();
        let mut results = vec![f(*first)];
        for (part, started) in others.iter().zip(started) {
            results.push(match started {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => f(*part),
            });
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_parts() {
        let none: [u64; 0] = [];
        assert_eq!(map(&none, |n| n), none);
        assert_eq!(map(&[1, 2, 3], |n| n * n), [1, 4, 9]);
    }

    #[test]
    fn a_panic_is_the_callers() {
        let panicked = std::panic::catch_unwind(|| map(&[1, 2], |n| assert_eq!(n, 1)));
        assert!(panicked.is_err());
    }
}
