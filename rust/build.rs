//! Lays the native programs and libraries beside the extension where maturin packs them from.
//!
//! `crates/fspy` builds the helper program and the preload library and announces their paths (`links = "fspy"`);
//! the Node addon is built here. All get the names they have in the wheel; `[tool.maturin] include` takes them
//! from this crate's `OUT_DIR`.

use std::{env, error::Error, fs, path::Path};

use nested_cargo::{Linker, Nested, variable};

/// What `crates/fspy` announces, and the file's name in `taskrunner/_lib/`.
const PARTS: [(&str, &str); 2] =
    [("DEP_FSPY_HELPER", "taskrunner-helper"), ("DEP_FSPY_PRELOAD", "libtaskrunner_preload.so")];
/// The name under which Node loads the addon.
const ADDON: &str = "taskrunner-client.node";
/// What the addon is built from, relative to the workspace.
const SOURCES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "crates/ipc", "crates/ipc_node"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(()); // Nothing is traced or heard elsewhere, so nothing is built there.
    }
    let out_dir = variable("OUT_DIR")?;
    for (announced_by, name) in PARTS {
        println!("cargo::rerun-if-env-changed={announced_by}");
        lay(Path::new(&variable(announced_by)?), &Path::new(&out_dir).join(name))?;
    }
    // It is a library of the system that it will run on, as the extension is: linked alike.
    let nested = Nested::new(1, "addon", Linker::Outer)?;
    nested.watch(&SOURCES);
    nested.build(&["-p", "ipc_node"], "")?;
    lay(&nested.artifact("libipc_node.so"), &Path::new(&out_dir).join(ADDON))?;
    Ok(())
}

/// Copies bytes and permission bits: the helper stays executable in the wheel.
fn lay(from: &Path, to: &Path) -> Result<(), String> {
    println!("cargo::rerun-if-changed={}", from.display());
    let failed = |cause| format!("cannot copy {} to {}: {cause}", from.display(), to.display());
    fs::copy(from, to).map(drop).map_err(failed)
}
