//! What can go wrong, with what to do about it.

use std::io;
use std::path::PathBuf;

use fspy_trace::wire::Stage;
use rustix::io::Errno;

/// The tracer could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The helper program could not be started.
    #[error("cannot start the tracer's helper `{}`: {source}; reinstall taskrunner", helper.display())]
    Start {
        /// Where it should be.
        helper: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The helper program started and said nothing sensible.
    #[error("the tracer's helper `{}` does not answer: {why}; reinstall taskrunner", helper.display())]
    NoAnswer {
        /// The program.
        helper: PathBuf,
        /// What it did instead.
        why: String,
    },
    /// The variable that says how to trace says nothing that is known.
    #[error("{} is `{asked}`, but can only be one of {ways}", crate::asked::VARIABLE)]
    UnknownWay {
        /// What it says.
        asked: String,
        /// What it may say.
        ways: String,
    },
    /// Descriptors or memory ran out.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was attempted.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The helper was killed or crashed.
    #[error("the tracer's helper is gone; start the run again")]
    HelperGone,
    /// A step that can't be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// A step could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// No such program.
    #[error("program `{program}` not found: it is in none of the {} directories of PATH", path.split(':').count())]
    NotFound {
        /// As called.
        program: String,
        /// The `PATH` that was searched.
        path: String,
    },
    /// There are files of that name, but none may be executed.
    #[error("program `{program}` is not executable (found `{found}`); try `chmod +x`")]
    NotExecutable {
        /// As called.
        program: String,
        /// The first such file.
        found: String,
    },
    /// An argument, variable or directory holds a NUL byte, or there is no program at all.
    #[error("{what} can't be passed to a program: {why}")]
    Unpassable {
        /// Which of them.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system refused.
    #[error("{}: {}", in_words(*stage), io::Error::from_raw_os_error(*errno))]
    System {
        /// What was being done.
        stage: Stage,
        /// Why it failed.
        errno: i32,
    },
}

impl SpawnError {
    /// The exit code that a shell has for it: 126 if the program is there and can't be executed, else
    /// 127.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        let found = match self {
            Self::NotExecutable { .. } => true,
            Self::System { stage: Stage::Exec, errno } => {
                ![Errno::NOENT, Errno::NOTDIR].contains(&Errno::from_raw_os_error(*errno))
            }
            Self::NotFound { .. } | Self::Unpassable { .. } | Self::System { .. } => false,
        };
        if found { 126 } else { 127 }
    }
}

fn in_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Fork => "cannot create a process",
        Stage::Chdir => "cannot change to the working directory",
        Stage::Stdio => "cannot connect standard input, output and error",
        Stage::Exec => "cannot execute the program",
    }
}

/// Says what was attempted when a system call fails.
pub(crate) trait Attempt<T> {
    fn attempt(self, doing: &'static str) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Attempt<T> for Result<T, E> {
    fn attempt(self, doing: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::System { doing, source: source.into() })
    }
}

/// Whether the other end of the control socket is closed.
pub(crate) fn is_hang_up(error: &io::Error) -> bool {
    let gone = [Errno::PIPE, Errno::CONNRESET, Errno::NOTCONN].map(Errno::raw_os_error);
    error.raw_os_error().is_some_and(|errno| gone.contains(&errno))
}
