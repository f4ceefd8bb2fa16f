//! The store in a hard world: killed writers, several processes, full disks, damage, old formats.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod common;

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use common::{Sample, child, child_dir, child_of, sound_entries, write_blob};
use rusqlite::Connection;
use store::{Blob, Cache, StoreError};

/// Inserts for ever, saying each number once it is in.
#[test]
fn child_inserts_for_ever() {
    let Some(dir) = child_dir() else { return };
    let mut cache = Cache::open(&dir).unwrap();
    let first = u32::try_from(cache.stats().unwrap().entries).unwrap() * 2;
    for index in first.. {
        Sample::new(index % 3, index, index).insert(&mut cache).unwrap();
        writeln!(std::io::stdout(), "inserted {index}").unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing_but_the_result_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    let mut inserted = Vec::new();
    for round in 1..12 {
        let mut child = child("child_inserts_for_ever", dir.path());
        let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // libtest may put the test's name before the first line.
        let numbers = lines.filter_map(|line| line.split_once("inserted ")?.1.parse::<u32>().ok());
        inserted.extend(numbers.take(round));
        child.kill().unwrap();
        child.wait().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        assert!(sound_entries(&cache) >= inserted.len());
        for &index in &inserted {
            let strong = Sample::new(index % 3, index, index).strong();
            assert!(cache.entry(&strong).unwrap().is_some(), "entry {index} was reported");
        }
    }
}

/// Inserts results, of which other children insert some too, with files that look old.
#[test]
fn child_inserts_old_files() {
    let Some(dir) = child_dir() else { return };
    let mut cache = Cache::open(&dir).unwrap();
    for index in 0..40 {
        let sample = Sample::new(index % 3, index % 7, index);
        let archive = write_blob(&cache, Blob::Archive, &sample.archive()).unwrap();
        let log = write_blob(&cache, Blob::Log, b"a log that all share").unwrap();
        let old = SystemTime::now() - Duration::from_secs(60 * 60);
        // Another child may have pruned it already.
        if let Ok(file) =
            File::options().write(true).open(cache.blob_path(Blob::Archive, &archive.0))
        {
            file.set_modified(old).unwrap();
        }
        match sample.insert_row(&mut cache, archive, log) {
            Ok(()) | Err(StoreError::BlobMissing { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        if index % 8 == 0 {
            cache.prune(60_000, u64::MAX).unwrap();
        }
    }
}

#[test]
fn processes_that_insert_and_prune_at_once_leave_only_sound_entries() {
    let dir = tempfile::tempdir().unwrap();
    let start =
        |_| child("child_inserts_old_files", dir.path()).stdout(Stdio::null()).spawn().unwrap();
    let children: Vec<_> = (0..3).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert!(sound_entries(&Cache::open(dir.path()).unwrap()) > 0);
}

/// Fills what room there is, and looks whether the cache survives.
#[test]
fn child_fills_the_disk() {
    let Some(dir) = child_dir() else { return };
    let mut cache = Cache::open(&dir).unwrap();
    let mut inserted = 0;
    let error = loop {
        match Sample::new(1, inserted, inserted).insert(&mut cache) {
            Ok(()) => inserted += 1,
            Err(error) => break error,
        }
        assert!(inserted < 100_000, "there is no limit here");
    };
    let is_full = match &error {
        StoreError::Full { .. } => true,
        StoreError::Io { source, .. } => source.raw_os_error().is_some(),
        StoreError::Database { source, .. } => source.to_string().contains("I/O"),
        _ => false,
    };
    assert!(is_full, "{error:?}");
    assert_eq!(sound_entries(&cache), inserted as usize, "in the process that met the error");
    drop(cache);
    assert_eq!(sound_entries(&Cache::open(&dir).unwrap()), inserted as usize, "in the next");
    writeln!(std::io::stdout(), "filled after {inserted}").unwrap();
}

fn filled(mut command: Command) -> Option<String> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let started = said.contains("child_fills_the_disk");
    assert!(!started || output.status.success(), "{said}");
    started.then_some(said)
}

/// `sh` that runs `script`, which ends in running the child.
fn shell(script: &str, dir: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg("sh").arg(program);
    shell.args(["--exact", "child_fills_the_disk", "--nocapture", "--test-threads=1"]);
    shell.env(common::DIR, dir);
    shell
}

#[test]
fn a_limit_on_file_sizes_is_an_error_and_the_cache_stays_sound() {
    let dir = tempfile::tempdir().unwrap();
    let said = filled(shell("trap '' XFSZ; ulimit -f 400; exec \"$@\"", dir.path()));
    assert!(said.unwrap().contains("filled after"));
}

#[test]
fn a_full_disk_is_an_error_and_the_cache_stays_sound() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=1m none \"$STORE_TEST_DIR\" && exec \"$@\"";
    let namespaced = format!("exec unshare --mount --map-root-user sh -c '{script}' \"$0\" \"$@\"");
    // Where no file system can be mounted, the limit on file sizes has to do.
    if let Some(said) = filled(shell(&namespaced, dir.path())) {
        assert!(said.contains("filled after"));
    }
}

/// Looks up and tries to insert.
#[test]
fn child_meets_a_read_only_cache() {
    let Some(dir) = child_dir() else { return };
    let sample = Sample::new(1, 1, 1);
    let mut cache = Cache::open(&dir).unwrap();
    assert!(cache.is_read_only());
    assert_eq!(cache.warnings().len(), 1, "{:?}", cache.warnings());
    assert_eq!(cache.path_sets(&sample.weak(), 32).unwrap(), [sample.set()]);
    assert!(cache.entry(&sample.strong()).unwrap().is_some());
    let refused = |result| assert!(matches!(result, Err(StoreError::ReadOnly { .. })));
    refused(sample.insert(&mut cache));
    refused(cache.touch(&[sample.hit()]));
    refused(cache.prune(0, 0).map(drop));
    cache.settle().unwrap();
    writeln!(std::io::stdout(), "read only").unwrap();
}

/// Runs the child as somebody who may read all of the cache and write nothing.
fn read_only_child(home: &Path, cache: &Path) {
    for file in fs::read_dir(cache).unwrap().map(|file| file.unwrap().path()) {
        let mode = if file.is_dir() { 0o555 } else { 0o444 };
        fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(home, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(cache, Permissions::from_mode(0o555)).unwrap();
    let program = home.join("program");
    // By another process: one that other tests fork meanwhile would hold this one's copy open.
    let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut command = child_of(&program, "child_meets_a_read_only_cache", cache);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65_534);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("read only") && output.status.success(), "{said}");
    fs::set_permissions(cache, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_read_only_cache_answers_whether_its_log_was_left_or_not() {
    for checkpointed in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("cache?with%odd#name");
        Sample::new(1, 1, 1).insert(&mut Cache::open(&dir).unwrap()).unwrap();
        if checkpointed {
            let database = Connection::open(dir.join("cache.db")).unwrap();
            database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            drop(database);
        }
        assert_eq!(dir.join("cache.db-wal").exists(), !checkpointed);
        read_only_child(home.path(), &dir);
    }
}

fn database(dir: &Path) -> std::path::PathBuf {
    dir.join("cache.db")
}

/// A cache of some size whose log was moved into the database.
fn sizeable(dir: &Path) {
    let mut cache = Cache::open(dir).unwrap();
    for index in 0..100 {
        Sample::new(1, index, index).insert(&mut cache).unwrap();
    }
    drop(cache);
    let database = Connection::open(database(dir)).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

fn begun_anew(dir: &Path) {
    let mut cache = Cache::open(dir).unwrap();
    assert!(cache.warnings()[0].contains("cache.db.damaged-1"), "{:?}", cache.warnings());
    assert!(dir.join("cache.db.damaged-1").exists());
    assert_eq!(cache.stats().unwrap().entries, 0);
    Sample::new(1, 1, 1).insert(&mut cache).unwrap();
    drop(cache);
    let cache = Cache::open(dir).unwrap();
    assert_eq!((cache.warnings().len(), sound_entries(&cache)), (0, 1), "once is enough");
}

#[test]
fn a_database_that_is_none_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(database(dir.path()), "garbage".repeat(1000)).unwrap();
    begun_anew(dir.path());
}

#[test]
fn damage_within_is_an_error_and_the_next_to_open_sets_it_aside() {
    let dir = tempfile::tempdir().unwrap();
    sizeable(dir.path());
    let file = File::options().write(true).open(database(dir.path())).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in 2..pages {
        file.write_all_at(&[0xa5; 4096], page * 4096).unwrap();
    }
    let cache = Cache::open(dir.path());
    let failed = cache.and_then(|cache| cache.entry(&Sample::new(1, 1, 1).strong()));
    assert!(matches!(failed, Err(StoreError::Damaged { .. })), "{failed:?}");
    begun_anew(dir.path());
}

#[test]
fn a_database_cut_short_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    sizeable(dir.path());
    let file = File::options().write(true).open(database(dir.path())).unwrap();
    file.set_len(4096 * 3).unwrap();
    begun_anew(dir.path());
}

#[test]
fn flipped_bits_never_panic_and_never_change_what_is_read() {
    let dir = tempfile::tempdir().unwrap();
    sizeable(dir.path());
    let sound = fs::read(database(dir.path())).unwrap();
    let wanted: Vec<Sample> = (0..100).map(|index| Sample::new(1, index, index)).collect();
    for seed in 0..40_u64 {
        let mut bytes = sound.clone();
        for flip in 0..20 {
            let random = digest::hash_bytes(&[seed.to_le_bytes(), u64::to_le_bytes(flip)].concat());
            let at = usize::try_from(random.short()).unwrap() % bytes.len();
            bytes[at] ^= 1 << (flip % 8);
        }
        for file in fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()) {
            if file.is_file() {
                fs::remove_file(file).unwrap();
            }
        }
        fs::write(database(dir.path()), bytes).unwrap();
        let Ok(cache) = Cache::open(dir.path()) else { continue };
        for sample in &wanted {
            if let Ok(Some(entry)) = cache.entry(&sample.strong()) {
                assert_eq!(entry.manifest, format!("manifest {sample:?}").into_bytes());
                assert_eq!(entry.values, format!("values {}", sample.values).into_bytes());
            }
            if let Ok(Some(chunks)) = cache.path_set(&sample.set()) {
                let bodies: Vec<_> = chunks.into_iter().map(|chunk| chunk.body).collect();
                assert_eq!(bodies, sample.chunks());
            }
        }
    }
}

#[test]
fn another_format_is_emptied_even_while_it_is_open() {
    let dir = tempfile::tempdir().unwrap();
    sizeable(dir.path());
    let other = Connection::open(database(dir.path())).unwrap();
    other.execute_batch("CREATE TABLE \"old \"\" one\" (x); PRAGMA user_version = 99").unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    assert!(cache.warnings()[0].contains("format 99"), "{:?}", cache.warnings());
    assert_eq!(cache.stats().unwrap().entries, 0);
    assert!(other.query_row("SELECT x FROM \"old \"\" one\"", [], |_| Ok(())).is_err());
}

#[test]
fn many_who_open_a_new_cache_at_once_share_it() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let open = || Cache::open(dir.path()).map(|cache| (cache.key(), cache.warnings().len()));
        let keys = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect::<Vec<_>>()
        });
        assert!(keys.iter().all(|&(key, warnings)| (key, warnings) == (keys[0].0, 0)));
    }
}

#[test]
fn many_who_meet_damage_at_once_begin_anew_once() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        fs::write(database(dir.path()), "garbage".repeat(1000)).unwrap();
        let open = || Cache::open(dir.path()).map(|cache| cache.warnings().len());
        let warnings: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).sum()
        });
        assert_eq!(warnings, 1);
        assert!(!dir.path().join("cache.db.damaged-2").exists());
    }
}

#[test]
fn a_waiting_process_gets_its_turn_while_another_writes() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path()).unwrap();
    let other = Connection::open(database(dir.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let insert = scope.spawn(|| Sample::new(1, 1, 1).insert(&mut cache));
        other.execute_batch("COMMIT").unwrap();
        insert.join().unwrap().unwrap();
    });
}
