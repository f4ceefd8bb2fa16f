//! Opaque bytes in a table: zstd, preceded by their length, with a checksum inside.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

thread_local! {
    /// Setting one up costs more than most bodies do.
    static DECOMPRESSOR: RefCell<Decompressor<'static>> = RefCell::default();
}

/// Level of compression: these are small and written once for every run.
const LEVEL: i32 = 3;

/// The largest body: beyond this a path set or manifest is no help but a mistake.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// Length of the length.
const PREFIX: usize = 8;

/// Bytes as they are stored.
pub(crate) fn encode(body: &[u8]) -> io::Result<Vec<u8>> {
    if body.len() > MAX_BODY {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    let mut stored = (body.len() as u64).to_le_bytes().to_vec();
    stored.extend(compressor.compress(body)?);
    Ok(stored)
}

/// The bytes that were stored, or what is wrong with them.
pub(crate) fn decode(stored: &[u8]) -> Result<Vec<u8>, String> {
    let (prefix, frame) = stored.split_first_chunk::<PREFIX>().ok_or("a body has no length")?;
    let length = usize::try_from(u64::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
    if length > MAX_BODY {
        return Err(format!("a body claims {length} bytes"));
    }
    let body = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.decompress(frame, length))
        .map_err(|error| error.to_string())?;
    if body.len() == length { Ok(body) } else { Err("a body is too short".into()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_memory_is_taken() {
        let stored = [&u64::MAX.to_le_bytes()[..], &encode(b"x").unwrap()[PREFIX..]].concat();
        assert!(decode(&stored).unwrap_err().contains("claims"));
    }

    #[test]
    fn a_frame_longer_than_its_length_is_refused() {
        let mut stored = encode(&[7; 1000]).unwrap();
        stored[..PREFIX].copy_from_slice(&10_u64.to_le_bytes());
        assert!(decode(&stored).is_err());
    }

    proptest! {
        #[test]
        fn bodies_round_trip(body: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&body).unwrap()).unwrap(), body);
        }

        #[test]
        fn any_bytes_are_a_body_or_an_error(stored: Vec<u8>) {
            let _ = decode(&stored);
        }

        #[test]
        fn a_flipped_bit_never_changes_a_body(
            body: Vec<u8>, at: prop::sample::Index, bit in 0u8..8,
        ) {
            let mut stored = encode(&body).unwrap();
            let at = at.index(stored.len());
            stored[at] ^= 1 << bit;
            prop_assert!(decode(&stored).is_err_or_equals(&body));
        }
    }

    trait ErrOrEquals {
        fn is_err_or_equals(&self, body: &[u8]) -> bool;
    }

    impl ErrOrEquals for Result<Vec<u8>, String> {
        fn is_err_or_equals(&self, body: &[u8]) -> bool {
            self.as_ref().map_or(true, |found| found == body)
        }
    }
}
