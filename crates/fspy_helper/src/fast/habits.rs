//! How many file calls programs make: whether getting the library into one pays.

use std::collections::HashMap;

use stat::StatId;

/// Calls of a process that pay for getting the library into it: about 160 µs, as against 3 µs or
/// more for each call that is notified.
const WORTH_IT: u64 = 60;

/// Calls and processes of each program.
#[derive(Debug, Default)]
pub(crate) struct Habits(HashMap<(u64, u64, i64), Habit>);

#[derive(Clone, Copy, Debug, Default)]
struct Habit {
    processes: u64,
    calls: u64,
}

/// What a program is known by.
pub(crate) type Program = (u64, u64, i64);

pub(crate) fn program(id: &StatId) -> Program {
    (id.dev, id.ino, id.ctime_ns)
}

impl Habits {
    /// Whether a new process of the program is worth it: those before were, or there were none.
    pub(crate) fn starts(&mut self, program: Program) -> bool {
        let habit = self.0.entry(program).or_default();
        let worth_it = habit.calls >= habit.processes * WORTH_IT;
        habit.processes += 1;
        worth_it
    }

    /// A process of the program made a call.
    pub(crate) fn counts(&mut self, program: Program) {
        self.0.entry(program).or_default().calls += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_given_the_library_at_first_and_then_by_what_it_did() {
        let (mut habits, small, large) = (Habits::default(), (1, 1, 1), (1, 2, 1));
        assert!(habits.starts(small) && habits.starts(large));
        (0..WORTH_IT).for_each(|_| habits.counts(large));
        habits.counts(small);
        assert!(!habits.starts(small) && habits.starts(large));
    }
}
