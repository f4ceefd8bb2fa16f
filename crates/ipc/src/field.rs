//! Bodies of frames: one tag byte, then fields, each a length and that many bytes.
//!
//! ```text
//! body  := tag:u8 field*
//! field := length:u32le bytes[length]
//! ```

/// Writes the body `tag fields…`.
pub(crate) fn encode<'a>(tag: u8, fields: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut body = vec![tag];
    for field in fields {
        // A field of 4 GiB does not fit any frame: the length is wrong then, and so is the frame's.
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(field);
    }
    body
}

/// Splits a body into its tag and at most `most` fields; `None` if a length does not fit, or there
/// are more fields.
pub(crate) fn decode(body: &[u8], most: usize) -> Option<(u8, Vec<&[u8]>)> {
    let (&tag, mut rest) = body.split_first()?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        if fields.len() == most {
            return None;
        }
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (field, after) = after.split_at_checked(length)?;
        fields.push(field);
        rest = after;
    }
    Some((tag, fields))
}
