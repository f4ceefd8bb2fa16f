//! Measures what tracing costs: each command plain and traced, the median of several runs.
//!
//! `cargo run --release -p fspy --example overhead`; on an idle machine.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::env;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use fspy::{Event, Spawn, Supervisor};

/// Runs of each command in each way, interleaved.
const RUNS: usize = 15;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    let dir = env::temp_dir().join(format!("fspy-overhead-{}", std::process::id()));
    fs::create_dir(&dir)?;
    let source = "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return puts(\"\"); }\n";
    fs::write(dir.join("a.c"), source)?;
    let here = env::current_dir()?;
    let loops = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done";
    let python = "import json, argparse, email, http.client, unittest";
    let mut supervisor = Supervisor::start(Path::new(fspy::BUILT_HELPER), &dir)?;
    println!("{:?}", supervisor.fidelity());
    println!(
        "{:<22} {:>10} {:>10} {:>7} {:>8} {:>9}",
        "command", "plain", "traced", "ratio", "calls", "per call"
    );
    for (name, argv, cwd) in [
        ("git status", &["git", "status"][..], here.as_path()),
        ("200 x /bin/true", &["sh", "-c", loops], &dir),
        ("gcc -c", &["gcc", "-O1", "-c", "a.c"], &dir),
        ("python imports", &["python3", "-c", python], &dir),
        ("find (stat storm)", &["find", "/usr/include", "-size", "+1"], &dir),
        ("grep -r", &["grep", "-rc", "define", "/usr/include/linux"], &dir),
    ] {
        measure(&mut supervisor, name, argv, cwd)?;
    }
    fs::remove_dir_all(dir)?;
    Ok(())
}

fn measure(supervisor: &mut Supervisor, name: &str, argv: &[&str], cwd: &Path) -> Fallible<()> {
    let (mut plain, mut traced, mut calls) = (Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        plain.push(run(supervisor, argv, cwd, false)?.0);
        let (wall, seen) = run(supervisor, argv, cwd, true)?;
        traced.push(wall);
        calls = seen;
    }
    let (plain, traced) = (median(plain), median(traced));
    println!(
        "{name:<22} {plain:>10.2?} {traced:>10.2?} {:>7.3} {calls:>8} {:>9.2?}",
        traced.as_secs_f64() / plain.as_secs_f64(),
        traced.saturating_sub(plain) / u32::try_from(calls.max(1))?,
    );
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn run(
    supervisor: &mut Supervisor,
    argv: &[&str],
    cwd: &Path,
    traced: bool,
) -> Fallible<(Duration, u64)> {
    let spawn = Spawn {
        id: 1,
        argv: argv.iter().map(|text| text.as_bytes().to_vec()).collect(),
        // Cargo names its own directories in it, which the loader would search.
        env: env::vars_os()
            .filter(|(name, _)| name != "LD_LIBRARY_PATH")
            .map(|(name, value)| (name.into_vec(), value.into_vec()))
            .collect(),
        cwd: stat::as_bytes(cwd).to_vec(),
        traced,
        interactive: false,
    };
    supervisor.spawn(&spawn)?;
    loop {
        for event in supervisor.next_events(64, None) {
            match event {
                Event::Exited { wall, trace, .. } => {
                    return Ok((wall, trace.map_or(0, |trace| trace.calls)));
                }
                Event::SpawnFailed { error, .. } => return Err(error.into()),
                Event::HelperLost { .. } => return Err("the helper is gone".into()),
                Event::Started { .. } | Event::Output { .. } | Event::Ready { .. } => {}
            }
        }
    }
}
