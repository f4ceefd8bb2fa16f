//! Builds the helper program and the preload library, each with flags that this crate itself is not
//! built with, and announces where they are: to whoever packages them, and to this crate's tests.
//!
//! A cargo inside cargo needs a target directory of its own (the outer one is locked) and none of
//! the outer one's flags, wrappers and linkers.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Position-independent and without any library of the system it will run on.
const STATIC: &str = "-Ctarget-feature=+crt-static\x1f-Crelocation-model=pie";
/// Without libc and its start files.
const FREESTANDING: &str = "-Clink-arg=-nostdlib\x1f-Clink-arg=-nostartfiles";
/// What the two programs are built from, relative to the workspace.
const SOURCES: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates/fspy_helper",
    "crates/fspy_preload",
    "crates/fspy_trace",
    "crates/stat",
];
/// Settings of the outer cargo that say where to fetch from, not what to build.
const KEPT: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

fn main() -> Fallible<()> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(()); // Nothing is traced elsewhere.
    }
    let nested = Nested::new()?;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", nested.workspace.join(source).display());
    }
    announce("HELPER", &nested.helper()?);
    announce("PRELOAD", &nested.preload()?);
    Ok(())
}

fn announce(name: &str, path: &Path) {
    println!("cargo::metadata={}={}", name.to_lowercase(), path.display());
    println!("cargo::rustc-env=FSPY_{name}={}", path.display());
}

/// The inner cargo.
struct Nested {
    workspace: PathBuf,
    target_dir: PathBuf,
    target: String,
}

impl Nested {
    fn new() -> Fallible<Self> {
        let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
        let workspace = here.ancestors().nth(2).ok_or("this crate is not in its workspace")?;
        Ok(Self {
            workspace: workspace.to_path_buf(),
            target_dir: Path::new(&variable("OUT_DIR")?).join("nested"),
            target: env::var("TARGET")?,
        })
    }

    fn helper(&self) -> Fallible<PathBuf> {
        let arguments = ["-p", "fspy_helper"];
        if let Err(failure) = self.build(&arguments, STATIC) {
            println!(
                "cargo::warning=the tracer's helper can't be linked statically (is libc.a \
                 installed?), so it will need a C library like this machine's"
            );
            self.build(&arguments, "").map_err(|dynamic| format!("{failure}\n{dynamic}"))?;
        }
        Ok(self.artifact("taskrunner-helper"))
    }

    fn preload(&self) -> Fallible<PathBuf> {
        self.build(&["-p", "fspy_preload", "--features", "freestanding"], FREESTANDING)?;
        Ok(self.artifact("libfspy_preload.so"))
    }

    fn artifact(&self, name: &str) -> PathBuf {
        self.target_dir.join(&self.target).join("helper").join(name)
    }

    fn build(&self, arguments: &[&str], flags: &str) -> Fallible<()> {
        let mut cargo = Command::new(variable("CARGO")?);
        cargo.current_dir(&self.workspace);
        for (name, _) in env::vars_os().filter(|(name, _)| self.is_foreign(name)) {
            cargo.env_remove(name);
        }
        cargo
            .args(["build", "--locked", "--profile", "helper", "--target", &self.target])
            .args(arguments)
            .arg("--target-dir")
            .arg(&self.target_dir)
            .env("CARGO_BUILD_BUILD_DIR", &self.target_dir)
            .env("CARGO_ENCODED_RUSTFLAGS", flags);
        succeeded(&cargo.output()?)
    }

    /// Whether a variable of the outer cargo would change what the inner one builds.
    fn is_foreign(&self, name: &OsString) -> bool {
        let name = name.to_string_lossy();
        // A foreign architecture needs whatever linker the outer cargo was given for it.
        let cross = env::var("HOST").is_ok_and(|host| host != self.target);
        let needed_linker = cross && name.ends_with("_LINKER");
        let kept = KEPT.iter().any(|kept| name.starts_with(kept)) || needed_linker;
        (name.starts_with("CARGO_") || name.starts_with("RUST") || name == "TARGET")
            && !kept
            && !["RUSTC", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"].contains(&&*name)
    }
}

fn succeeded(output: &Output) -> Fallible<()> {
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into())
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("`{name}` is not set: not run by cargo?"))
}
