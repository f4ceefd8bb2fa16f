//! What a tool says or asks: the verbs, and their bodies on the wire.

use crate::fault::Fault;
use crate::field;
use crate::names::{MAX_FIELDS, MAX_PATH};

/// The verbs, with their numbers on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verb {
    /// Asks for version and verbs; optional.
    Hello = 1,
    /// Reads of a path and all beneath are no inputs.
    IgnoreInput = 2,
    /// Writes to a path and all beneath are no outputs.
    IgnoreOutput = 3,
    /// A path is an input, seen by the tracer or not.
    TrackInput = 4,
    /// A path is an output, seen by the tracer or not.
    TrackOutput = 5,
    /// The result depends on this value of this key.
    TrackValue = 6,
    /// Asks for one environment variable.
    GetEnv = 7,
    /// Asks for the variables whose names match a glob.
    GetEnvsGlob = 8,
    /// Asks for the variables whose names begin with a prefix.
    GetEnvsPrefix = 9,
    /// This run must not be cached.
    DisableCache = 10,
}

/// Verbs from here up are advice: a runner that does not know one may pass over it.
const FIRST_ADVICE: u8 = 128;

impl Verb {
    /// All verbs, by number.
    pub const ALL: [Self; 10] = [
        Self::Hello,
        Self::IgnoreInput,
        Self::IgnoreOutput,
        Self::TrackInput,
        Self::TrackOutput,
        Self::TrackValue,
        Self::GetEnv,
        Self::GetEnvsGlob,
        Self::GetEnvsPrefix,
        Self::DisableCache,
    ];

    /// The verb's name across the Python border.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::IgnoreInput => "ignore_input",
            Self::IgnoreOutput => "ignore_output",
            Self::TrackInput => "track_input",
            Self::TrackOutput => "track_output",
            Self::TrackValue => "track_value",
            Self::GetEnv => "get_env",
            Self::GetEnvsGlob => "get_envs_glob",
            Self::GetEnvsPrefix => "get_envs_prefix",
            Self::DisableCache => "disable_cache",
        }
    }

    fn of_tag(tag: u8) -> Result<Self, Fault> {
        let unknown = if tag >= FIRST_ADVICE { Fault::UnknownAdvice } else { Fault::UnknownVerb };
        Self::ALL.into_iter().find(|verb| *verb as u8 == tag).ok_or(unknown)
    }
}

/// One statement or question of a tool. Paths, names and values are raw bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// See [`Verb::Hello`].
    Hello,
    /// See [`Verb::IgnoreInput`]: an absolute path.
    IgnoreInput(Vec<u8>),
    /// See [`Verb::IgnoreOutput`]: an absolute path.
    IgnoreOutput(Vec<u8>),
    /// See [`Verb::TrackInput`]: an absolute path.
    TrackInput(Vec<u8>),
    /// See [`Verb::TrackOutput`]: an absolute path.
    TrackOutput(Vec<u8>),
    /// See [`Verb::TrackValue`]: key and value.
    TrackValue(Vec<u8>, Vec<u8>),
    /// See [`Verb::GetEnv`]: name, and whether the result depends on the answer.
    GetEnv(Vec<u8>, bool),
    /// See [`Verb::GetEnvsGlob`]: glob, and whether the result depends on the answer.
    GetEnvsGlob(Vec<u8>, bool),
    /// See [`Verb::GetEnvsPrefix`]: prefix, and whether the result depends on the answer.
    GetEnvsPrefix(Vec<u8>, bool),
    /// See [`Verb::DisableCache`]: the tool's reason, in its words.
    DisableCache(Option<Vec<u8>>),
}

const YES: &[u8] = &[1];
const NO: &[u8] = &[0];

impl Message {
    /// The verb.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Hello => Verb::Hello,
            Self::IgnoreInput(_) => Verb::IgnoreInput,
            Self::IgnoreOutput(_) => Verb::IgnoreOutput,
            Self::TrackInput(_) => Verb::TrackInput,
            Self::TrackOutput(_) => Verb::TrackOutput,
            Self::TrackValue(..) => Verb::TrackValue,
            Self::GetEnv(..) => Verb::GetEnv,
            Self::GetEnvsGlob(..) => Verb::GetEnvsGlob,
            Self::GetEnvsPrefix(..) => Verb::GetEnvsPrefix,
            Self::DisableCache(_) => Verb::DisableCache,
        }
    }

    /// The fields, in the order of the wire.
    pub fn fields(&self) -> Vec<&[u8]> {
        match self {
            Self::Hello | Self::DisableCache(None) => vec![],
            Self::IgnoreInput(one)
            | Self::IgnoreOutput(one)
            | Self::TrackInput(one)
            | Self::TrackOutput(one)
            | Self::DisableCache(Some(one)) => vec![one],
            Self::TrackValue(key, value) => vec![key, value],
            Self::GetEnv(text, tracked)
            | Self::GetEnvsGlob(text, tracked)
            | Self::GetEnvsPrefix(text, tracked) => vec![text, if *tracked { YES } else { NO }],
        }
    }

    /// Whether only the runner's meaning side can answer it. All else is acknowledged.
    pub fn is_question(&self) -> bool {
        matches!(self, Self::GetEnv(..) | Self::GetEnvsGlob(..) | Self::GetEnvsPrefix(..))
    }

    /// The body of a frame.
    pub fn encode(&self) -> Vec<u8> {
        field::encode(self.verb() as u8, self.fields())
    }

    /// Reads the body of a frame. Fields beyond those known are left to later versions.
    pub fn decode(body: &[u8]) -> Result<Self, Fault> {
        let (tag, fields) = field::decode(body, MAX_FIELDS).ok_or(Fault::Malformed)?;
        Self::of_fields(Verb::of_tag(tag)?, &fields)
    }

    fn of_fields(verb: Verb, fields: &[&[u8]]) -> Result<Self, Fault> {
        Ok(match verb {
            Verb::Hello => Self::Hello,
            Verb::IgnoreInput => Self::IgnoreInput(path(fields)?),
            Verb::IgnoreOutput => Self::IgnoreOutput(path(fields)?),
            Verb::TrackInput => Self::TrackInput(path(fields)?),
            Verb::TrackOutput => Self::TrackOutput(path(fields)?),
            Verb::TrackValue => Self::TrackValue(text(fields, 0)?, value(fields, 1)?),
            Verb::GetEnv => Self::GetEnv(name(fields)?, tracked(fields)?),
            Verb::GetEnvsGlob => Self::GetEnvsGlob(text(fields, 0)?, tracked(fields)?),
            Verb::GetEnvsPrefix => Self::GetEnvsPrefix(value(fields, 0)?, tracked(fields)?),
            Verb::DisableCache => Self::DisableCache(fields.first().map(|f| f.to_vec())),
        })
    }
}

fn value(fields: &[&[u8]], at: usize) -> Result<Vec<u8>, Fault> {
    fields.get(at).map(|f| f.to_vec()).ok_or(Fault::BadField)
}

fn text(fields: &[&[u8]], at: usize) -> Result<Vec<u8>, Fault> {
    value(fields, at).and_then(|f| if f.is_empty() { Err(Fault::BadField) } else { Ok(f) })
}

/// Whether a kernel would take a path of this length and without NUL.
pub(crate) fn is_nameable(path: &[u8]) -> bool {
    path.len() < MAX_PATH && !path.contains(&0)
}

/// A path a kernel would take: absolute and without NUL. What it is relative to, only the tool knew.
fn path(fields: &[&[u8]]) -> Result<Vec<u8>, Fault> {
    let path = value(fields, 0)?;
    if path.first() == Some(&b'/') && is_nameable(&path) { Ok(path) } else { Err(Fault::BadField) }
}

fn name(fields: &[&[u8]]) -> Result<Vec<u8>, Fault> {
    let name = text(fields, 0)?;
    if name.contains(&b'=') || name.contains(&0) { Err(Fault::BadField) } else { Ok(name) }
}

fn tracked(fields: &[&[u8]]) -> Result<bool, Fault> {
    match fields.get(1) {
        None | Some(&YES) => Ok(true),
        Some(&NO) => Ok(false),
        Some(_) => Err(Fault::BadField),
    }
}
