//! A cargo inside cargo, for build scripts: builds programs and libraries with flags of their own.
//!
//! It needs a target directory of its own (the outer one is locked) and none of the outer one's flags
//! and wrappers.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a build script does; its error is shown by cargo.
pub type Fallible<T> = Result<T, Box<dyn Error>>;

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

/// Who links what the inner cargo builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linker {
    /// The machine's own, for what needs no library of the system it will run on.
    Default,
    /// The outer cargo's: it may know how to link for an older system.
    Outer,
}

/// The inner cargo.
#[derive(Debug)]
pub struct Nested {
    workspace: PathBuf,
    target_dir: PathBuf,
    target: String,
    profile: &'static str,
    linker: Linker,
}

impl Nested {
    /// Builds with `profile` for the outer cargo's target. `depth` is how many directories the calling
    /// crate lies below the workspace.
    ///
    /// # Errors
    /// If this is no build script.
    pub fn new(depth: usize, profile: &'static str, linker: Linker) -> Fallible<Self> {
        let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
        let workspace = here.ancestors().nth(depth).ok_or("this crate is not in its workspace")?;
        Ok(Self {
            workspace: workspace.to_path_buf(),
            target_dir: Path::new(&variable("OUT_DIR")?).join("nested"),
            target: env::var("TARGET")?,
            profile,
            linker,
        })
    }

    /// Has the build script run again when one of these, relative to the workspace, changes.
    #[expect(clippy::print_stdout, reason = "that is how a build script speaks")]
    pub fn watch(&self, sources: &[&str]) {
        for source in sources {
            println!("cargo::rerun-if-changed={}", self.workspace.join(source).display());
        }
    }

    /// Builds with further arguments, and with rustc flags separated as in `CARGO_ENCODED_RUSTFLAGS`.
    ///
    /// # Errors
    /// What the inner cargo said.
    pub fn build(&self, arguments: &[&str], flags: &str) -> Fallible<()> {
        let mut cargo = Command::new(variable("CARGO")?);
        cargo.current_dir(&self.workspace);
        for (name, _) in env::vars_os().filter(|(name, _)| self.is_foreign(name)) {
            cargo.env_remove(name);
        }
        cargo
            .args(["build", "--locked", "--profile", self.profile, "--target", &self.target])
            .args(arguments)
            .arg("--target-dir")
            .arg(&self.target_dir)
            .env("CARGO_BUILD_BUILD_DIR", &self.target_dir)
            .env("CARGO_ENCODED_RUSTFLAGS", flags);
        succeeded(&cargo.output()?)
    }

    /// Where something that was built is.
    #[must_use]
    pub fn artifact(&self, name: &str) -> PathBuf {
        self.target_dir.join(&self.target).join(self.profile).join(name)
    }

    /// Whether a variable of the outer cargo would change what the inner one builds.
    fn is_foreign(&self, name: &OsString) -> bool {
        let name = name.to_string_lossy();
        // A foreign architecture needs whatever linker the outer cargo was given for it.
        let cross = env::var("HOST").is_ok_and(|host| host != self.target);
        let links = name.ends_with("_LINKER") || name.starts_with("CARGO_ZIGBUILD_");
        let needed_linker = links && (cross || self.linker == Linker::Outer);
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

/// A variable that cargo sets for build scripts.
///
/// # Errors
/// If it is not set.
pub fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("`{name}` is not set: not run by cargo?"))
}
