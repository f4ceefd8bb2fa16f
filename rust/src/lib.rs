//! `taskrunner._native`: what Python sees of the crates. Thin wrappers; no rules, no loops over files.

mod door;
mod engine;
mod event;
mod step;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The native part of taskrunner: tracing, globs, digests, the cache.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::engine::Engine;
    #[pymodule_export]
    use super::event::{Checked, Event, Reason};
    #[pymodule_export]
    use super::step::Step;
    use super::{Bound, PyModule, PyModuleMethods, PyResult};
    #[pymodule_export]
    use super::{check_pattern, digest};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("FORMAT", policy::FORMAT)
    }
}

/// Return the BLAKE3 digest of `data`, 32 bytes.
#[pyfunction]
#[pyo3(name = "digest")]
fn digest<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, ::digest::hash_bytes(data).as_bytes())
}

/// Return why a glob is not valid, or None.
#[pyfunction]
fn check_pattern(pattern: &str) -> Option<String> {
    pathglob::check(pattern)
}
