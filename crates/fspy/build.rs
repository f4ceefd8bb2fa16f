//! Builds the helper program and the preload library, each with flags that this crate itself is not
//! built with, and announces where they are: to whoever packages them, and to this crate's tests.

use std::env;
use std::path::{Path, PathBuf};

use nested_cargo::{Fallible, Linker, Nested};

/// Position-independent and without any library of the system it will run on.
const STATIC: &str = "-Ctarget-feature=+crt-static\x1f-Crelocation-model=pie";
/// Without libc and its start files, and without any symbol that might be found there.
const FREESTANDING: &str =
    "-Clink-arg=-nostdlib\x1f-Clink-arg=-nostartfiles\x1f-Clink-arg=-Wl,-z,defs,-z,now";
/// What the two programs are built from, relative to the workspace.
const SOURCES: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates/fspy_helper",
    "crates/fspy_preload",
    "crates/fspy_ring",
    "crates/fspy_trace",
    "crates/stat",
];

fn main() -> Fallible<()> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(()); // Nothing is traced elsewhere.
    }
    let nested = Nested::new(2, "helper", Linker::Default)?;
    nested.watch(&SOURCES);
    announce("HELPER", &helper(&nested)?);
    announce("PRELOAD", &preload(&nested)?);
    Ok(())
}

fn announce(name: &str, path: &Path) {
    println!("cargo::metadata={}={}", name.to_lowercase(), path.display());
    println!("cargo::rustc-env=FSPY_{name}={}", path.display());
}

fn helper(nested: &Nested) -> Fallible<PathBuf> {
    let arguments = ["-p", "fspy_helper"];
    if let Err(failure) = nested.build(&arguments, STATIC) {
        println!(
            "cargo::warning=the tracer's helper can't be linked statically (is libc.a \
             installed?), so it will need a C library like this machine's"
        );
        nested.build(&arguments, "").map_err(|dynamic| format!("{failure}\n{dynamic}"))?;
    }
    Ok(nested.artifact("taskrunner-helper"))
}

fn preload(nested: &Nested) -> Fallible<PathBuf> {
    nested.build(&["-p", "fspy_preload", "--features", "freestanding"], FREESTANDING)?;
    Ok(nested.artifact("libfspy_preload.so"))
}
