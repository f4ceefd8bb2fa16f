//! Runs a command and prints its trace: `trace HELPER COMMAND…`; with the preload library named in
//! `PRELOAD`, the fast way.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::env;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use fspy::{Event, Spawn, Supervisor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args_os().skip(1);
    let helper = args.next().ok_or("usage: trace HELPER COMMAND…")?;
    let spawn = Spawn {
        id: 1,
        argv: args.map(OsStringExt::into_vec).collect(),
        env: env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect(),
        cwd: env::current_dir()?.into_os_string().into_vec(),
        traced: true,
        interactive: false,
    };
    let mut supervisor = match env::var_os("PRELOAD") {
        Some(preload) => {
            Supervisor::start_fast(Path::new(&helper), Path::new(&preload), &env::temp_dir())?
        }
        None => Supervisor::start(Path::new(&helper), &env::temp_dir())?,
    };
    println!("{:?}", supervisor.fidelity());
    supervisor.spawn(&spawn)?;
    loop {
        for event in supervisor.next_events(64, None) {
            match event {
                Event::Output { data, .. } => print!("{}", String::from_utf8_lossy(&data)),
                Event::Exited { exit, wall, trace, .. } => {
                    println!("{exit:?} after {wall:?}");
                    return print_trace(trace);
                }
                other => {
                    println!("{other:?}");
                    if !matches!(other, Event::Started { .. }) {
                        return Ok(());
                    }
                }
            }
        }
    }
}

fn print_trace(
    trace: Result<fspy::Trace, fspy::Untraced>,
) -> Result<(), Box<dyn std::error::Error>> {
    let trace = trace.map_err(|untraced| untraced.reason)?;
    for record in &trace.records {
        println!(
            "{} {:?} seen {:?} change {:?} touched {}",
            String::from_utf8_lossy(&record.path),
            record.before.kind(),
            record.seen,
            record.change,
            record.touched
        );
    }
    println!("{} calls, incomplete {:?}, peers {:?}", trace.calls, trace.incomplete, trace.peers);
    Ok(())
}
