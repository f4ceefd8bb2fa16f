//! Frames: a length and a body, taken apart from bytes as they come, without trusting the length.
//!
//! ```text
//! frame := length:u32le body[length]      length counts the body alone
//! ```

/// What [`Frames::next_frame`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole body.
    Body(Vec<u8>),
    /// A frame over the limit: its bytes are passed over as they come, never kept.
    TooLong,
}

/// Bytes of one connection that are not taken apart yet. It never holds more than one frame of the
/// limit and what one [`Frames::push`] brought.
#[derive(Debug)]
pub struct Frames {
    bytes: Vec<u8>,
    start: usize,
    skip: usize,
    limit: usize,
}

const HEADER: usize = 4;

impl Frames {
    /// For frames whose body is at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, skip: 0, limit }
    }

    /// Adds bytes from the wire.
    pub fn push(&mut self, mut bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        bytes = &bytes[skipped..];
        self.skip -= skipped;
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, if it is whole or known to be too long.
    pub fn next_frame(&mut self) -> Option<Incoming> {
        let waiting = &self.bytes[self.start..];
        let (header, rest) = waiting.split_first_chunk::<HEADER>()?;
        let length = usize::try_from(u32::from_le_bytes(*header)).unwrap_or(usize::MAX);
        if length > self.limit {
            let passed = length.min(rest.len());
            self.skip = length - passed;
            self.consume(HEADER + passed);
            return Some(Incoming::TooLong);
        }
        let body = rest.get(..length)?.to_vec();
        self.consume(HEADER + length);
        Some(Incoming::Body(body))
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether the bytes so far end inside a frame.
    pub fn is_mid_frame(&self) -> bool {
        self.skip > 0 || self.held() > 0
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        // Shift rarely: only once half of the buffer is spent.
        if self.start * 2 > self.bytes.len() {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

/// Wraps a body into a frame; `None` if its length does not fit one.
pub fn wrap(body: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(body.len()).ok()?;
    let mut frame = Vec::with_capacity(HEADER + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(body);
    Some(frame)
}
