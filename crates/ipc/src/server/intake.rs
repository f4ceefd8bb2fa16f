//! What one step has said so far: repetitions are dropped, floods are bounded, faults are counted.

use std::collections::{HashMap, HashSet};

use crate::fault::{Fault, Tally};

/// Most distinct messages one step may leave.
pub const MAX_DISTINCT: usize = 1 << 17;

/// Most bytes of distinct messages one step may leave.
pub const MAX_DISTINCT_BYTES: usize = 32 << 20;

/// Most bytes of answers kept to answer a repeated question at once.
const MAX_ANSWERS: usize = 4 << 20;

/// Whether a message is to be handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    New,
    Repeated,
    Flood,
}

/// Shared by both ways in of one step.
#[derive(Debug, Default)]
pub struct Intake {
    seen: HashSet<Vec<u8>>,
    seen_bytes: usize,
    answers: HashMap<Vec<u8>, Vec<u8>>,
    answer_bytes: usize,
    tally: Tally,
}

impl Intake {
    /// Takes note of a message by its body (and the byte that tells the ways in apart).
    pub(super) fn admit(&mut self, key: &[u8]) -> Admission {
        if self.seen.contains(key) {
            return Admission::Repeated;
        }
        let bytes = self.seen_bytes + key.len();
        if self.seen.len() >= MAX_DISTINCT || bytes > MAX_DISTINCT_BYTES {
            self.fault(Fault::Flood);
            return Admission::Flood;
        }
        self.seen.insert(key.to_vec());
        self.seen_bytes = bytes;
        Admission::New
    }

    /// The encoded answer to the question with this body, if it was asked before.
    pub(super) fn answer(&self, question: &[u8]) -> Option<&[u8]> {
        self.answers.get(question).map(Vec::as_slice)
    }

    /// Keeps an answer: the runner's environment does not change during a run.
    pub(super) fn keep_answer(&mut self, question: Vec<u8>, answer: &[u8]) {
        let bytes = self.answer_bytes + question.len() + answer.len();
        if bytes <= MAX_ANSWERS {
            self.answers.insert(question, answer.to_vec());
            self.answer_bytes = bytes;
        }
    }

    /// Counts a fault.
    pub(super) fn fault(&mut self, fault: Fault) {
        self.tally.add(fault);
    }

    /// What was wrong so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}
