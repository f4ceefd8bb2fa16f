//! How the user wants steps traced: by the best way there is, or by the one that a variable names.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Names a way: `fast`, or a rung of the ladder, from which the helper starts.
pub(crate) const VARIABLE: &str = fspy_trace::wire::RUNG_VARIABLE;
/// The way on which programs are given the preload library.
const FAST: &str = "fast";
/// All that may be asked for.
const WAYS: [&str; 4] = [FAST, "notify", "ptrace-filter", "ptrace"];
/// Whether programs are given the preload library if nobody asked: where there is a working one.
const FAST_UNASKED: bool = cfg!(target_arch = "x86_64");
/// How the library is called beside the helper.
const LIBRARY: &str = "libtaskrunner_preload.so";

/// The preload library beside the helper, if it is to be used.
pub(crate) fn library(helper: &Path) -> Result<Option<PathBuf>, Error> {
    wants_library(env::var_os(VARIABLE).as_deref())
        .map(|wanted| wanted.then(|| helper.with_file_name(LIBRARY)))
}

fn wants_library(asked: Option<&OsStr>) -> Result<bool, Error> {
    let asked = match asked {
        None => return Ok(FAST_UNASKED),
        Some(asked) => asked.to_string_lossy(),
    };
    if WAYS.contains(&&*asked) { Ok(asked == FAST) } else { Err(unknown(&asked)) }
}

fn unknown(asked: &str) -> Error {
    Error::UnknownWay { asked: asked.to_owned(), ways: WAYS.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_way_is_taken_where_there_is_one_unless_another_is_asked_for() {
        assert_eq!(wants_library(None).ok(), Some(cfg!(target_arch = "x86_64")));
    }

    #[test]
    fn only_ways_that_exist_may_be_asked_for() {
        let asked = |way: &str| wants_library(Some(OsStr::new(way))).map_err(|e| e.to_string());
        assert_eq!(asked("fast"), Ok(true));
        assert_eq!([asked("notify"), asked("ptrace")], [Ok(false), Ok(false)]);
        let said = asked("quick").unwrap_err();
        assert!(said.contains("TASKRUNNER_TRACER") && said.contains("`quick`"), "{said}");
    }
}
