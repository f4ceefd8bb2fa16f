//! Runs a command once, for `benches/trace_overhead.py`: `cost WAY COMMAND…`, where WAY is `plain`,
//! `notify` or `fast`. Prints nanoseconds, calls seen and calls recorded; the command's output is
//! dropped.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::env;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use fspy::{BUILT_HELPER, BUILT_PRELOAD, Event, Spawn, Supervisor};

const WARM_UP: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let way = env::args().nth(1).ok_or("usage: cost plain|notify|fast COMMAND…")?;
    let spawn = Spawn {
        id: 1,
        argv: env::args_os().skip(2).map(OsStringExt::into_vec).collect(),
        env: env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect(),
        cwd: stat::as_bytes(&env::current_dir()?).to_vec(),
        traced: way != "plain",
        interactive: false,
    };
    let (helper, scratch) = (Path::new(BUILT_HELPER), env::temp_dir());
    let mut supervisor = match &*way {
        "fast" => Supervisor::start_fast(helper, Path::new(BUILT_PRELOAD), &scratch)?,
        _ => Supervisor::start(helper, &scratch)?,
    };
    // The helper starts once a run, long before the first step: what it makes ready is no step's cost.
    std::thread::sleep(WARM_UP);
    supervisor.spawn(&spawn)?;
    loop {
        for event in supervisor.next_events(64, None) {
            match event {
                Event::Exited { wall, trace, exit, .. } => {
                    if exit.code != Some(0) {
                        return Err(format!("the command failed: {exit:?}").into());
                    }
                    let (calls, recorded) =
                        trace.map_or((0, 0), |trace| (trace.calls, trace.recorded));
                    println!("{} {calls} {recorded}", wall.as_nanos());
                    return Ok(());
                }
                Event::SpawnFailed { error, .. } => return Err(error.into()),
                Event::HelperLost { .. } => return Err("the helper is gone".into()),
                Event::Started { .. } | Event::Ready { .. } | Event::Output { .. } => {}
            }
        }
    }
}
