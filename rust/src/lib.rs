//! `taskrunner._native`: what Python sees of the crates. Thin wrappers; no rules, no loops over files.

mod door;
mod engine;
mod event;
mod explain;
mod hints;
mod step;
mod tracer;

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
    use super::explain::{Compared, Explained};
    #[pymodule_export]
    use super::hints::{Hinted, Message};
    #[pymodule_export]
    use super::step::Step;
    #[pymodule_export]
    use super::tracer::{Touched, Trace, Tracer};
    use super::{Bound, PyModule, PyModuleMethods, PyResult};
    #[pymodule_export]
    use super::{check_pattern, digest, switch_off};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("RULES", policy::RULES.to_vec())?;
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

/// Leave out these rules of the cache, and no others, in this process.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "extracted from Python")]
fn switch_off(rules: Vec<String>) -> PyResult<()> {
    policy::switch_off(&rules).map_err(pyo3::exceptions::PyValueError::new_err)
}
