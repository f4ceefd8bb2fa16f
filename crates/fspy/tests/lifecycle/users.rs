//! The same for an ordinary user, who has no rights over others' processes.

use crate::support::as_nobody;

#[test]
fn all_of_this_works_for_an_ordinary_user() {
    as_nobody(&["users::"]);
}
