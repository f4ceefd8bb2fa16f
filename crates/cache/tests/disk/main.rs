//! Look-up, record and restore on a real disk, with traces told by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod between_steps;
mod building_on;
mod links;
mod round_trip;
mod scene;
mod tracked;
