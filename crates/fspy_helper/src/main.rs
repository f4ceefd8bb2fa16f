//! The tracer's helper program, one per run: launches steps, answers their file calls, reaps them,
//! kills them when the runner is gone, and stays for survivors of finished ones.
//!
//! It never stops a step from doing anything: whatever goes wrong here, the call proceeds.

mod begin;
mod bell;
mod clock;
mod control;
mod deaths;
mod describe;
mod detach;
mod fast;
mod filter;
mod handlers;
mod launch;
mod listen;
mod look;
mod memory;
#[cfg(feature = "mutations")]
mod mutations;
mod probe;
mod resolve;
mod shared;
mod sockets;
mod step;
mod stopped;
mod stops;
mod survivors;
mod syscalls;
mod thread;
mod tracer;
mod tree;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use fspy_trace::wire::{Report, VERSION};

/// Exit code for a wrong invocation.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    if !detach::was_started_by_runner() {
        let hint = "error: this program is a part of taskrunner, which starts it; run `taskrunner`";
        let _ = io::Write::write_all(&mut io::stderr(), format!("{hint}\n").as_bytes());
        return ExitCode::from(USAGE);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run() -> io::Result<()> {
    let (control, null) = detach::from_runner()?;
    let deaths = deaths::Deaths::new()?;
    let (rung, reason) = probe::ladder();
    // Whoever starts this program may name the preload library, where there is a working one.
    let preload = std::env::args_os().nth(1).filter(|_| cfg!(target_arch = "x86_64"));
    let workshop = preload.and_then(|path| fast::Workshop::new(path.into()));
    workshop.iter().for_each(fast::Workshop::prepare);
    let shared = Arc::new(shared::Shared::new(control, null, rung, workshop)?);
    let fidelity = rung.fidelity();
    shared.report(&Report::Hello { version: VERSION, fidelity, reason });
    control::serve(&shared, &deaths);
    Ok(())
}
