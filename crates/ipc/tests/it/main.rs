//! Tests of the protocol from outside: a server in a thread, clients, and what goes between.
//!
//! A new test goes to the module of the part it exercises; `fuzz` and `formats` need no server.

#[cfg(test)]
mod channel;
#[cfg(test)]
mod client;
#[cfg(test)]
mod common;
#[cfg(test)]
mod env_globs;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hint_file;
#[cfg(test)]
mod run_dir;
