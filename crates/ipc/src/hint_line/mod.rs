//! Lines of a hint file, as `@visulima/task-runner-client` writes them: one JSON object a line.
//!
//! Bytes that are not UTF-8 travel as lone surrogates, `\udc80` to `\udcff` (Python's
//! `surrogateescape`). A question in a file has been answered already: `"from":"snapshot"` says
//! from the runner's environment, else it was from the tool's own.

mod lines;
mod text;

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::env_glob;
use crate::fault::Fault;
use crate::message::{Message, Verb, is_nameable};
pub use lines::{Line, Lines};
use text::Text;

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    /// The statement; of a question, what it depends on.
    pub message: Message,
    /// The tool had the answer from the snapshot of the runner's environment.
    pub from_snapshot: bool,
    /// It counts, and something about it was wrong nevertheless.
    pub fault: Option<Fault>,
}

type Object<'a> = HashMap<String, &'a RawValue>;

/// Reads one line; `Ok(None)` if it is blank.
pub fn decode(line: &[u8]) -> Result<Option<Said>, Fault> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let line = std::str::from_utf8(line).map_err(|_| Fault::NotUtf8)?.trim();
    if line.is_empty() {
        return Ok(None);
    }
    let object = object(line)?;
    let op = string(&object, "op")?;
    let from_snapshot = string(&object, "from").is_ok_and(|from| from == b"snapshot");
    let (message, fault) = said(&op, &object)?;
    Ok(Some(Said { message, from_snapshot, fault }))
}

fn object(line: &str) -> Result<Object<'_>, Fault> {
    if line.starts_with('{') {
        return serde_json::from_str(line).map_err(|_| Fault::Malformed);
    }
    let any = serde_json::from_str::<serde::de::IgnoredAny>(line);
    Err(if any.is_ok() { Fault::NotAnObject } else { Fault::Malformed })
}

fn said(op: &[u8], object: &Object<'_>) -> Result<(Message, Option<Fault>), Fault> {
    let message = match op {
        b"ignoreInput" => Message::IgnoreInput(path(object)?),
        b"ignoreOutput" => Message::IgnoreOutput(path(object)?),
        b"trackInput" => Message::TrackInput(path(object)?),
        b"trackOutput" => Message::TrackOutput(path(object)?),
        b"trackValue" => Message::TrackValue(filled(object, "key")?, string(object, "value")?),
        b"trackEnv" => Message::GetEnv(name(object)?, true),
        b"trackEnvPattern" => Message::GetEnvsGlob(filled(object, "pattern")?, true),
        b"disableCache" => return Ok(disable(object)),
        _ if op.starts_with(b"x-") => return Err(Fault::UnknownAdvice),
        _ => return Err(Fault::UnknownVerb),
    };
    Ok((message, None))
}

/// A reason that is no text does not undo the wish.
fn disable(object: &Object<'_>) -> (Message, Option<Fault>) {
    match string(object, "reason") {
        Ok(reason) => (Message::DisableCache(Some(reason)), None),
        Err(_) if !object.contains_key("reason") => (Message::DisableCache(None), None),
        Err(fault) => (Message::DisableCache(None), Some(fault)),
    }
}

fn string(object: &Object<'_>, key: &str) -> Result<Vec<u8>, Fault> {
    let raw = object.get(key).ok_or(Fault::BadField)?;
    serde_json::from_str::<Text>(raw.get()).map(|text| text.0).map_err(|_| Fault::BadField)
}

fn filled(object: &Object<'_>, key: &str) -> Result<Vec<u8>, Fault> {
    string(object, key)
        .and_then(|text| if text.is_empty() { Err(Fault::BadField) } else { Ok(text) })
}

/// May be relative here: the published client resolves, older ones leave it to the step's directory.
fn path(object: &Object<'_>) -> Result<Vec<u8>, Fault> {
    let path = filled(object, "path")?;
    if is_nameable(&path) { Ok(path) } else { Err(Fault::BadField) }
}

fn name(object: &Object<'_>) -> Result<Vec<u8>, Fault> {
    let name = filled(object, "name")?;
    if name.contains(&b'=') || name.contains(&0) { Err(Fault::BadField) } else { Ok(name) }
}

/// The verbs as a file spells them.
fn op(verb: Verb) -> &'static str {
    match verb {
        Verb::Hello => "x-hello",
        Verb::IgnoreInput => "ignoreInput",
        Verb::IgnoreOutput => "ignoreOutput",
        Verb::TrackInput => "trackInput",
        Verb::TrackOutput => "trackOutput",
        Verb::TrackValue => "trackValue",
        Verb::GetEnv => "trackEnv",
        Verb::GetEnvsGlob | Verb::GetEnvsPrefix => "trackEnvPattern",
        Verb::DisableCache => "disableCache",
    }
}

/// The line for `message`, with its newline; `None` for what a file does not hold: questions whose
/// answer the result does not depend on, and `hello`.
pub fn encode(message: &Message, from_snapshot: bool) -> Option<Vec<u8>> {
    let asked: &[(&str, &[u8])] = if from_snapshot { &[("from", b"snapshot")] } else { &[] };
    let glob;
    let fields: &[(&str, &[u8])] = match message {
        Message::Hello
        | Message::GetEnv(_, false)
        | Message::GetEnvsGlob(_, false)
        | Message::GetEnvsPrefix(_, false) => return None,
        Message::IgnoreInput(path)
        | Message::IgnoreOutput(path)
        | Message::TrackInput(path)
        | Message::TrackOutput(path) => &[("path", path)],
        Message::TrackValue(key, value) => &[("key", key), ("value", value)],
        Message::GetEnv(name, true) => &[&[("name", &name[..])], asked].concat(),
        Message::GetEnvsGlob(glob, true) => &[&[("pattern", &glob[..])], asked].concat(),
        Message::GetEnvsPrefix(prefix, true) => {
            glob = env_glob::of_prefix(prefix);
            &[&[("pattern", &glob[..])], asked].concat()
        }
        Message::DisableCache(None) => &[],
        Message::DisableCache(Some(reason)) => &[("reason", reason)],
    };
    Some(write(message.verb(), fields))
}

/// The line of a verb without its fields.
pub fn encode_bare(verb: Verb) -> Vec<u8> {
    write(verb, &[])
}

fn write(verb: Verb, fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut line = format!("{{\"op\":\"{}\"", op(verb));
    for (key, value) in fields {
        line.extend([",\"", key, "\":"]);
        text::write(value, &mut line);
    }
    line.push_str("}\n");
    line.into_bytes()
}
