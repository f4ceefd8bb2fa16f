//! Lays the tracer's native programs where maturin packs them from.
//!
//! `crates/fspy` builds the helper program and the preload library and announces their paths (`links = "fspy"`).
//! Here they get the names they have in the wheel; `[tool.maturin] include` takes them from this crate's `OUT_DIR`.

use std::{env, error::Error, ffi::OsString, fs, path::Path};

/// What `crates/fspy` announces, and the file's name in `taskrunner/_lib/`.
const PARTS: [(&str, &str); 2] =
    [("DEP_FSPY_HELPER", "taskrunner-helper"), ("DEP_FSPY_PRELOAD", "libtaskrunner_preload.so")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(()); // Nothing is traced elsewhere, so nothing is built there.
    }
    let out_dir = variable("OUT_DIR")?;
    for (announced_by, name) in PARTS {
        lay(Path::new(&variable(announced_by)?), &Path::new(&out_dir).join(name))?;
    }
    Ok(())
}

/// An environment variable that cargo sets for build scripts.
fn variable(name: &str) -> Result<OsString, String> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var_os(name)
        .ok_or_else(|| format!("`{name}` is not set: did crates/fspy/build.rs announce it?"))
}

/// Copies bytes and permission bits: the helper stays executable in the wheel.
fn lay(from: &Path, to: &Path) -> Result<(), String> {
    println!("cargo::rerun-if-changed={}", from.display());
    let failed = |cause| format!("cannot copy {} to {}: {cause}", from.display(), to.display());
    fs::copy(from, to).map(drop).map_err(failed)
}
