//! The reading end of one of a step's output pipes.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

/// Most bytes handed out in one event.
const CHUNK: usize = 64 * 1024;

/// A pipe that is read without waiting.
#[derive(Debug)]
pub(crate) struct Output(OwnedFd);

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Data(Vec<u8>),
    Nothing,
    /// Nobody can write to it any more.
    Closed,
}

impl Output {
    /// A new pipe, and its writing end, which blocks.
    pub(crate) fn pipe() -> rustix::io::Result<(Self, OwnedFd)> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&read, true)?;
        Ok((Self(read), write))
    }

    /// Up to one chunk.
    pub(crate) fn read(&self) -> Read {
        self.read_up_to(CHUNK)
    }

    /// All that is in the pipe now, and no more: somebody may go on writing for ever.
    pub(crate) fn drain(&self) -> Vec<u8> {
        let present = rustix::io::ioctl_fionread(&self.0).unwrap_or(0);
        let mut left = usize::try_from(present).unwrap_or(0);
        let mut drained = Vec::with_capacity(left);
        while left > 0 {
            let Read::Data(data) = self.read_up_to(left) else { break };
            left -= data.len();
            drained.extend(data);
        }
        drained
    }

    fn read_up_to(&self, limit: usize) -> Read {
        let mut buffer = vec![0; limit];
        match rustix::io::retry_on_intr(|| rustix::io::read(&self.0, &mut buffer[..])) {
            Ok(0) => Read::Closed,
            Ok(length) => {
                buffer.truncate(length);
                Read::Data(buffer)
            }
            Err(Errno::AGAIN) => Read::Nothing,
            Err(_) => Read::Closed,
        }
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drained_pipe_gives_what_it_held_whether_or_not_it_is_closed() {
        let (output, writer) = Output::pipe().unwrap();
        assert_eq!(output.read(), Read::Nothing);
        rustix::io::write(&writer, b"some").unwrap();
        assert_eq!(output.drain(), b"some");
        assert_eq!(output.drain(), b"");
        rustix::io::write(&writer, b"more").unwrap();
        drop(writer);
        assert_eq!(output.drain(), b"more");
        assert_eq!(output.read(), Read::Closed);
    }
}
