//! How many file calls programs make: whether getting the library into one pays.

use std::collections::HashMap;

use stat::StatId;

/// Calls of a process that pay for getting the library into it: that costs a quarter of a millisecond,
/// and each call that is notified up to twenty microseconds. Calls before the library can be there
/// don't count.
const WORTH_IT: u64 = 16;
/// So many processes of a program are tried: compilers are asked for their version first.
const TRIED: u64 = 4;

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
    /// Whether a new process of the program is worth it: those before were, or there were few.
    pub(crate) fn starts(&mut self, program: Program) -> bool {
        let habit = self.0.entry(program).or_default();
        let worth_it = habit.processes < TRIED || habit.calls >= habit.processes * WORTH_IT;
        habit.processes += 1;
        worth_it
    }

    /// Processes of the program made calls.
    pub(crate) fn counts(&mut self, program: Program, calls: u64) {
        self.0.entry(program).or_default().calls += calls;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_given_the_library_at_first_and_then_by_what_it_did() {
        let (mut habits, small, large) = (Habits::default(), (1, 1, 1), (1, 2, 1));
        for _ in 0..TRIED {
            assert!(habits.starts(small) && habits.starts(large));
            habits.counts(small, WORTH_IT - 1);
            habits.counts(large, WORTH_IT);
        }
        assert!(!habits.starts(small) && habits.starts(large));
    }
}
