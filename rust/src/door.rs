//! The one door between Python and the crates: releases the GIL, maps errors.

use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::marker::Ungil;
use pyo3::prelude::*;

/// Runs native work without the GIL.
pub(crate) trait Enter {
    /// Calls `work` without the GIL, and turns its error into an exception.
    fn enter<T, E>(self, work: impl FnOnce() -> Result<T, E> + Ungil + Send) -> PyResult<T>
    where
        T: Ungil + Send,
        E: std::error::Error + Ungil + Send;
}

impl Enter for Python<'_> {
    fn enter<T, E>(self, work: impl FnOnce() -> Result<T, E> + Ungil + Send) -> PyResult<T>
    where
        T: Ungil + Send,
        E: std::error::Error + Ungil + Send,
    {
        self.detach(work).map_err(|error| PyOSError::new_err(described(&error)))
    }
}

/// How long to wait, in seconds from Python: for ever if `None`, not at all if that is no time.
pub(crate) fn patience(seconds: Option<f64>) -> Option<Duration> {
    seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// An engine that was closed, or an argument that means nothing to it: a fault of the caller's.
pub(crate) fn misuse(what: &str) -> PyErr {
    PyRuntimeError::new_err(what.to_owned())
}

/// An error with its causes, in one line.
fn described(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
