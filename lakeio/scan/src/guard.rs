//! Decoders of foreign bytes, from which a panic is damage of the bytes.

use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

use lakeio_store::{Class, Error, Result};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it, which a damaged file can cause in the decoders, is an error. Nothing
/// is printed for it.
/// `column`: the number of the column being decoded, while there is one.
pub(crate) fn guarded<T>(
    column: &Cell<Option<usize>>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !GUARDED.with(Cell::get) {
                before(info);
            }
        }));
    });
    let outer = GUARDED.with(|guarded| guarded.replace(true));
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.with(|guarded| guarded.set(outer));
    result.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason");
        let place = column
            .get()
            .map_or(String::new(), |index| format!(" of column number {index}"));
        Err(Error::new(
            Class::DataFileCorrupt,
            format!("a data file cannot be decoded{place}: {text}"),
        ))
    })
}
