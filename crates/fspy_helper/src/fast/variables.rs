//! Which variables the programs of a step looked up and did not find.

use std::collections::BTreeSet;

use fspy_ring::{LONGEST_NAME, Record, VARIABLE};

/// More names than any program looks up: who makes names up is not followed.
const MOST: usize = 4096;

/// Names, each once.
#[derive(Debug, Default)]
pub(super) struct Variables(BTreeSet<Vec<u8>>);

impl Variables {
    /// Keeps the name, if a record is of a variable; false if it is of a call.
    pub(super) fn keep(&mut self, record: &Record) -> bool {
        let is_variable = record.entry.number == VARIABLE;
        // Any process may write nonsense.
        if is_variable && is_name(&record.path) && self.0.len() < MOST {
            self.0.insert(record.path.clone());
        }
        is_variable
    }

    /// All of them, sorted.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0).into_iter().collect()
    }
}

fn is_name(name: &[u8]) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && !name.iter().any(|byte| matches!(byte, 0 | b'='))
}

#[cfg(test)]
mod tests {
    use fspy_ring::Entry;

    use super::*;

    fn record(number: u32, path: &[u8]) -> Record {
        let entry = Entry { number, ..Entry::default() };
        Record { entry, base: Vec::new(), path: path.to_vec() }
    }

    #[test]
    fn names_are_kept_once_and_calls_are_not() {
        let mut variables = Variables::default();
        for name in [&b"B"[..], b"A", b"B"] {
            assert!(variables.keep(&record(VARIABLE, name)));
        }
        assert!(!variables.keep(&record(4, b"C")));
        assert_eq!(variables.take(), [b"A", b"B"]);
    }

    #[test]
    fn nonsense_and_floods_are_not_kept() {
        let mut variables = Variables::default();
        let long = [b'a'; LONGEST_NAME + 1];
        for name in [&b""[..], b"A=b", b"A\0", &long] {
            assert!(variables.keep(&record(VARIABLE, name)));
        }
        assert!(variables.take().is_empty());
        for number in 0..MOST + 10 {
            variables.keep(&record(VARIABLE, number.to_string().as_bytes()));
        }
        assert_eq!(variables.take().len(), MOST);
    }
}
