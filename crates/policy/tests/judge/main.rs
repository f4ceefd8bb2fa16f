//! The rules, row by row: what a step found at a path, what it did there, what follows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changed;
mod observed;
mod outside;
mod own;
mod tree;
mod wished;
