//! Places in libc at which any call is made: the function `syscall`, found by its name, which must be
//! what it always was (seven moves, the instruction, a comparison, and the way back); and where calls
//! that can be cancelled are made from glibc 2.41 on, by what it does: load the number from the stack.
//!
//! The number is anything, so what is replaced lies before the instruction, and that stays.

use fspy_ring::{NUMBER, SiteKind};

use super::sites::LANDING;

/// How the function is called.
pub(super) const NAME: &[u8] = b"syscall";
/// `cmp rax, -4095`
const COMPARISON: [u8; 6] = [0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff];
/// `ret`
const RETURN: u8 = 0xc3;

/// Where the moves of the function at `at` begin; `None` if it has another shape.
pub(super) fn moves(code: &[u8], at: usize) -> Option<usize> {
    let function = code.get(at..)?;
    let guarded = function.strip_prefix(&LANDING);
    let moves = guarded.unwrap_or(function);
    let tail = moves.strip_prefix(SiteKind::Function.code())?.strip_prefix(&COMPARISON)?;
    // `jae`, short or long.
    let returns = matches!(tail, [0x73, _, RETURN, ..] | [0x0f, 0x83, _, _, _, _, RETURN, ..]);
    returns.then_some(at + function.len() - moves.len())
}

/// Where the number of the call at `call` is loaded, if it seems to come from the stack.
pub(super) fn loads(code: &[u8], call: usize) -> Option<usize> {
    let at = call.checked_sub(NUMBER + 1)?;
    SiteKind::FromStack.begins(code.get(at..)?).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the compiler's assembler makes it, and what comes after it.
    const PLAIN: [u8; 36] = [
        0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2,
        0x4d, 0x89, 0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff,
        0xff, 0x73, 0x01, 0xc3, 0x48, 0x8b,
    ];

    #[test]
    fn it_is_found_guarded_and_with_a_long_branch_too() {
        assert_eq!(moves(&PLAIN, 0), Some(0));
        let long =
            [&[0x90][..], &LANDING, &PLAIN[..31], &[0x0f, 0x83, 1, 2, 3, 4, RETURN]].concat();
        assert_eq!(moves(&long, 1), Some(5));
        assert_eq!(moves(&long, 0), None);
    }

    /// Bytes that matter are all but the distance of the branch, and what follows.
    #[test]
    fn any_other_shape_is_left_alone() {
        for index in 0..PLAIN.len() {
            for changed in (0..=u8::MAX).filter(|&byte| byte != PLAIN[index]) {
                let mut other = PLAIN;
                other[index] = changed;
                let is_free = index == 32 || index >= 34;
                assert_eq!(moves(&other, 0).is_some(), is_free, "{index}: {changed:x}");
            }
        }
        for length in 0..34 {
            assert_eq!(moves(&PLAIN[..length], 0), None, "{length}");
        }
        assert_eq!(moves(&PLAIN, 1), None);
        assert_eq!(moves(&PLAIN, 99), None);
    }
}
