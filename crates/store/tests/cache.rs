//! The cache in one process: what goes in comes out, in the right order, and prunes by use.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod common;

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{Sample, sound_entries, write_blob};
use digest::{Digest, hash_bytes};
use store::{Blob, Cache, StoreError};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const FOR_EVER: u64 = u64::MAX;

fn cache_with(dir: &Path, samples: &[Sample]) -> Cache {
    let mut cache = Cache::open(dir).unwrap();
    for sample in samples {
        sample.insert(&mut cache).unwrap();
    }
    cache
}

/// Makes every blob old enough to be removed.
fn age_blobs(cache: &Cache, samples: &[Sample]) {
    let log = cache.blob_path(Blob::Log, &hash_bytes(b"a log that all share"));
    let archives = samples.iter().map(|sample| archive_path(cache, sample));
    archives.chain([log]).for_each(|path| age(&path));
}

fn age(path: &Path) {
    File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - DAY).unwrap();
}

fn archive_path(cache: &Cache, sample: &Sample) -> std::path::PathBuf {
    cache.blob_path(Blob::Archive, &hash_bytes(&sample.archive()))
}

#[test]
fn an_entry_comes_back_as_it_was_given() {
    let (dir, sample) = (tempfile::tempdir().unwrap(), Sample::new(1, 1, 1));
    cache_with(dir.path(), &[sample]).settle().unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    let entry = cache.entry(&sample.strong()).unwrap().unwrap();
    assert_eq!((entry.weak, entry.set, entry.strong), sample.hit());
    assert_eq!(entry.manifest, format!("manifest {sample:?}").into_bytes());
    assert_eq!(entry.values, b"values 1");
    assert_eq!(entry.archives, [(hash_bytes(&sample.archive()), 6400)]);
    assert_eq!(entry.log.unwrap().0, hash_bytes(b"a log that all share"));
    assert_eq!((entry.duration_ms, entry.from_nothing), (1234, true));
    assert_eq!(fs::read(archive_path(&cache, &sample)).unwrap(), sample.archive());
    let chunks = cache.path_set(&sample.set()).unwrap().unwrap();
    let bodies: Vec<Vec<u8>> = chunks.into_iter().map(|chunk| chunk.body).collect();
    assert_eq!(bodies, sample.chunks());
}

#[test]
fn closing_moves_a_log_that_has_grown_and_leaves_a_small_one() {
    for (values, moved) in [(10, false), (100_000, true)] {
        let dir = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(dir.path()).unwrap();
        let values: Vec<u8> = (0..values)
            .flat_map(|index: u32| *hash_bytes(&index.to_le_bytes()).as_bytes())
            .collect();
        let sample = Sample::new(1, 1, 1);
        let chunks = sample.chunks();
        cache.insert(store::Insert { values, ..sample.row(&chunks, vec![], None) }).unwrap();
        cache.settle().unwrap();
        let log = fs::metadata(dir.path().join("cache.db-wal")).unwrap().len();
        let database = fs::metadata(dir.path().join("cache.db")).unwrap().len();
        assert!(log < 100_000, "{log} bytes");
        assert_eq!(database > 1_000_000, moved, "{database} bytes");
    }
}

#[test]
fn what_was_never_put_in_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    assert_eq!(cache.path_sets(&Digest::ZERO, 32).unwrap(), []);
    assert_eq!(cache.path_set(&Digest::ZERO).unwrap(), None);
    assert_eq!(cache.entry(&Digest::ZERO).unwrap(), None);
    assert_eq!(cache.warnings(), [] as [String; 0]);
}

#[test]
fn a_path_set_of_no_chunks_is_a_path_set() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = Cache::open(dir.path()).unwrap();
    let sample = Sample::new(1, 1, 1);
    cache.insert(store::Insert { set: &[], ..sample.row(&sample.chunks(), vec![], None) }).unwrap();
    let sets = cache.path_sets(&sample.weak(), 32).unwrap();
    assert_eq!(cache.path_set(&sets[0]).unwrap(), Some(vec![]));
}

#[test]
fn path_sets_and_entries_come_newest_hit_first_and_no_more_than_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let [old, new, newest] = [Sample::new(1, 1, 1), Sample::new(1, 2, 2), Sample::new(1, 2, 3)];
    let mut cache = cache_with(dir.path(), &[old, new, newest, Sample::new(2, 3, 4)]);
    assert_eq!(cache.path_sets(&old.weak(), 32).unwrap(), [new.set(), old.set()]);
    cache.touch(&[new.hit(), old.hit()]).unwrap();
    assert_eq!(cache.path_sets(&old.weak(), 32).unwrap(), [old.set(), new.set()]);
    assert_eq!(cache.path_sets(&old.weak(), 1).unwrap(), [old.set()]);
    let entries = cache.entries_of(&new.weak(), &new.set()).unwrap();
    let strong: Vec<Digest> = entries.iter().map(|entry| entry.strong).collect();
    assert_eq!(strong, [new.strong(), newest.strong()]);
}

#[test]
fn an_entry_with_the_same_strong_fingerprint_is_replaced() {
    let (dir, sample) = (tempfile::tempdir().unwrap(), Sample::new(1, 1, 1));
    let mut cache = cache_with(dir.path(), &[sample]);
    let other = write_blob(&cache, Blob::Archive, b"other bytes").unwrap();
    let log = write_blob(&cache, Blob::Log, b"other log").unwrap();
    sample.insert_row(&mut cache, other, log).unwrap();
    assert_eq!(cache.entry(&sample.strong()).unwrap().unwrap().archives, [other]);
    assert_eq!(sound_entries(&cache), 1);
}

#[test]
fn an_entry_without_its_blob_is_not_added() {
    let (dir, sample) = (tempfile::tempdir().unwrap(), Sample::new(1, 1, 1));
    let mut cache = Cache::open(dir.path()).unwrap();
    let error = sample.insert_row(&mut cache, (Digest::ZERO, 1), (Digest::ZERO, 1)).unwrap_err();
    assert!(matches!(error, StoreError::BlobMissing { kind: Blob::Archive, .. }), "{error}");
    assert_eq!(cache.entry(&sample.strong()).unwrap(), None);
}

#[test]
fn a_dropped_entry_is_gone_and_its_neighbours_stay() {
    let dir = tempfile::tempdir().unwrap();
    let samples = [Sample::new(1, 1, 1), Sample::new(1, 1, 2)];
    let mut cache = cache_with(dir.path(), &samples);
    cache.drop_entry(&samples[0].strong()).unwrap();
    assert_eq!(cache.entry(&samples[0].strong()).unwrap(), None);
    assert_eq!(sound_entries(&cache), 1);
}

#[test]
fn a_blob_that_is_not_committed_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    drop(cache.new_blob(Blob::Log).unwrap());
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_blob_written_again_is_renewed_and_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    let (digest, _) = write_blob(&cache, Blob::Log, b"log").unwrap();
    let path = cache.blob_path(Blob::Log, &digest);
    age(&path);
    write_blob(&cache, Blob::Log, b"log").unwrap();
    assert!(fs::metadata(&path).unwrap().modified().unwrap().elapsed().unwrap() < DAY / 2);
    fs::write(&path, "bad").unwrap();
    write_blob(&cache, Blob::Log, b"log").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"log");
}

#[test]
fn pruning_takes_the_least_recently_used_and_keeps_what_is_shared() {
    let dir = tempfile::tempdir().unwrap();
    let samples: Vec<Sample> = (0..4).map(|index| Sample::new(1, index, index)).collect();
    let mut cache = cache_with(dir.path(), &samples);
    cache.touch(&[samples[0].hit()]).unwrap();
    age_blobs(&cache, &samples);
    let before = cache.stats().unwrap();
    let pruned = cache.prune(before.bytes - 2 * 6400, FOR_EVER).unwrap();
    assert_eq!(pruned.entries, 2);
    assert_eq!(cache.stats().unwrap().bytes, before.bytes - pruned.bytes);
    let left: Vec<Digest> = cache.verify().unwrap().map(|(strong, _)| strong).collect();
    assert_eq!(left, [samples[0].strong(), samples[3].strong()]);
    assert_eq!(sound_entries(&cache), 2, "with the log that all share");
    assert!(!archive_path(&cache, &samples[1]).exists());
    assert_eq!(cache.path_set(&samples[1].set()).unwrap(), None);
    assert!(cache.path_set(&samples[0].set()).unwrap().is_some(), "with the shared chunk");
}

#[test]
fn pruning_by_size_takes_no_more_than_it_must() {
    let dir = tempfile::tempdir().unwrap();
    let samples: Vec<Sample> = (0..4).map(|index| Sample::new(1, index, index)).collect();
    let mut cache = cache_with(dir.path(), &samples);
    let bytes = cache.stats().unwrap().bytes;
    assert_eq!(cache.prune(bytes, FOR_EVER).unwrap().entries, 0);
    assert_eq!(cache.prune(bytes - 1, FOR_EVER).unwrap().entries, 1);
}

#[test]
fn pruning_by_age_goes_by_last_use() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = cache_with(dir.path(), &[Sample::new(1, 1, 1)]);
    assert_eq!(cache.prune(u64::MAX, 60).unwrap().entries, 0);
    assert_eq!(cache.prune(u64::MAX, 0).unwrap().entries, 1);
}

#[test]
fn pruning_leaves_young_files_and_takes_old_orphans() {
    let dir = tempfile::tempdir().unwrap();
    let mut cache = cache_with(dir.path(), &[Sample::new(1, 1, 1)]);
    let (young, _) = write_blob(&cache, Blob::Archive, b"about to be inserted").unwrap();
    let (old, _) = write_blob(&cache, Blob::Archive, b"never inserted").unwrap();
    age(&cache.blob_path(Blob::Archive, &old));
    let unfinished = dir.path().join("tmp/1-2-3");
    fs::write(&unfinished, "half").unwrap();
    age(&unfinished);
    cache.prune(u64::MAX, FOR_EVER).unwrap();
    assert!(cache.blob_path(Blob::Archive, &young).exists());
    assert!(!cache.blob_path(Blob::Archive, &old).exists());
    assert!(!unfinished.exists());
    assert_eq!(sound_entries(&cache), 1);
}

#[test]
fn an_empty_limit_empties_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let samples: Vec<Sample> = (0..3).map(|index| Sample::new(1, index, index)).collect();
    let mut cache = cache_with(dir.path(), &samples);
    cache.prune(0, FOR_EVER).unwrap();
    assert_eq!(cache.stats().unwrap(), store::Stats::default());
}

#[test]
fn verify_names_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let samples = [Sample::new(1, 1, 1), Sample::new(1, 1, 2)];
    let cache = cache_with(dir.path(), &samples);
    fs::write(archive_path(&cache, &samples[0]), "other").unwrap();
    fs::remove_file(archive_path(&cache, &samples[1])).unwrap();
    let errors: Vec<_> = cache.verify().unwrap().map(|(_, entry)| entry.unwrap_err()).collect();
    assert!(matches!(errors[0], StoreError::Damaged { .. }), "{}", errors[0]);
    assert!(matches!(errors[1], StoreError::BlobMissing { .. }), "{}", errors[1]);
}

#[test]
fn a_key_belongs_to_a_cache_and_travels_with_its_copy() {
    let [one, other, copy] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let key = Cache::open(one.path()).unwrap().key();
    assert_eq!(Cache::open(one.path()).unwrap().key(), key);
    assert_ne!(Cache::open(other.path()).unwrap().key(), key);
    for file in fs::read_dir(one.path()).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    assert_eq!(Cache::open(copy.path()).unwrap().key(), key);
}
