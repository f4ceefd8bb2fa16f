//! Splits bytes into lines as they come, holding at most one line of the limit.

/// What [`Lines::next_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A whole line, without its newline.
    Whole(Vec<u8>),
    /// A line over the limit: its bytes are passed over.
    TooLong,
}

/// Bytes of a hint file that are not split yet.
#[derive(Debug)]
pub struct Lines {
    held: Vec<u8>,
    start: usize,
    overlong: bool,
    limit: usize,
}

impl Lines {
    /// For lines of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { held: Vec::new(), start: 0, overlong: false, limit }
    }

    /// Adds bytes; take all lines out before adding more.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.drain(..self.start);
        self.start = 0;
        self.held.extend_from_slice(bytes);
    }

    /// The next whole line.
    pub fn next_line(&mut self) -> Option<Line> {
        let waiting = &self.held[self.start..];
        let Some(end) = memchr::memchr(b'\n', waiting) else {
            self.forget_overlong();
            return None;
        };
        let line = waiting[..end].to_vec();
        self.start += end + 1;
        let too_long = std::mem::take(&mut self.overlong) || line.len() > self.limit;
        Some(if too_long { Line::TooLong } else { Line::Whole(line) })
    }

    /// What stands after the last newline at the end of the file.
    pub fn rest(&mut self) -> Option<Line> {
        if std::mem::take(&mut self.overlong) {
            return Some(Line::TooLong);
        }
        let rest = self.held.split_off(self.start);
        (!rest.is_empty()).then_some(Line::Whole(rest))
    }

    fn forget_overlong(&mut self) {
        if self.overlong || self.held.len() - self.start > self.limit {
            self.overlong = true;
            self.held.truncate(self.start);
        }
    }
}
