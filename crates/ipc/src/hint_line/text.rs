//! JSON strings as raw bytes: what is not UTF-8 travels as `\udc80` to `\udcff`.

use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A JSON string, as the bytes it stands for.
pub(super) struct Text(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As bytes, since serde_json then hands over lone surrogates, three bytes each.
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
        unescape(bytes).map(Text).ok_or_else(|| E::custom("a lone surrogate"))
    }
}

/// Turns encoded U+DC80 to U+DCFF back into the byte each stands for; `None` for other surrogates.
fn unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0xed, rest) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        let (&unit, after) = after.split_first_chunk::<3>()?;
        match unit {
            [_, ..=0x9f, _] => out.extend_from_slice(&unit),
            [_, 0xb2, low] => out.push(low),
            [_, 0xb3, low] => out.push(low | 0x40),
            _ => return None,
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// Appends `bytes` as a JSON string.
pub(super) fn write(bytes: &[u8], out: &mut String) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| write_char(c, out));
        for byte in chunk.invalid() {
            escape(0xdc00 | u32::from(*byte), out);
        }
    }
    out.push('"');
}

fn write_char(c: char, out: &mut String) {
    match c {
        '"' | '\\' => out.extend(['\\', c]),
        _ if c < ' ' => escape(u32::from(c), out),
        _ => out.push(c),
    }
}

fn escape(unit: u32, out: &mut String) {
    // Writing to a String does not fail.
    let _ = write!(out, "\\u{unit:04x}");
}
