//! Archives as a whole: round trips, independence from the reader, and damage.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use archive::{Item, PackError, UnpackError, Wanted, pack, unpack, verify};
use digest::{Digest, hash_bytes, hash_file};
use proptest::prelude::*;
use stat::as_bytes;

const LEVEL: i32 = 3;

/// A directory with files, and what they are packed as.
struct Tree {
    dir: tempfile::TempDir,
    files: Vec<(PathBuf, Digest, u64)>,
}

impl Tree {
    fn new(files: &[(&[u8], &[u8])]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Self { dir, files: Vec::new() };
        for (name, content) in files {
            let path = tree.path(name);
            fs::write(&path, content).unwrap();
            tree.files.push((path, hash_bytes(content), content.len() as u64));
        }
        tree
    }

    fn path(&self, name: &[u8]) -> PathBuf {
        self.dir.path().join(std::ffi::OsStr::from_bytes(name))
    }

    fn items(&self) -> Vec<Item<'_>> {
        self.files
            .iter()
            .map(|(path, digest, size)| Item::File {
                path: as_bytes(path),
                source: as_bytes(path),
                mode: 0o100_644,
                digest: *digest,
                size: *size,
            })
            .collect()
    }

    fn pack(&self) -> Result<PathBuf, PackError> {
        let mut bytes = Vec::new();
        pack(&self.items(), &mut bytes, LEVEL)?;
        let path = self.dir.path().join("packed.tar.zst");
        fs::write(&path, bytes).unwrap();
        Ok(path)
    }

    /// Every file wanted under a new name, and those names.
    fn wanted(&self) -> Vec<Wanted> {
        let target = |index| self.dir.path().join(format!("staged-{index}"));
        let files = self.files.iter().enumerate();
        files
            .map(|(index, &(_, digest, size))| Wanted {
                digest,
                size,
                targets: vec![target(index)],
            })
            .collect()
    }
}

fn holds(wanted: &[Wanted]) -> bool {
    let whole = |want: &Wanted, target: &PathBuf| {
        fs::read(target).is_ok_and(|bytes| hash_bytes(&bytes) == want.digest)
    };
    wanted.iter().all(|want| want.targets.iter().all(|target| whole(want, target)))
}

/// What must hold after a failure: a staging file that exists holds what it should.
fn staged_is_right(wanted: &[Wanted]) -> bool {
    let right =
        |want: &Wanted, target: &PathBuf| !target.exists() || holds(&[want_of(want, target)]);
    wanted.iter().all(|want| want.targets.iter().all(|target| right(want, target)))
}

fn want_of(want: &Wanted, target: &Path) -> Wanted {
    Wanted { targets: vec![target.to_path_buf()], ..want.clone() }
}

#[test]
fn equal_items_give_equal_bytes_whatever_the_names_and_times() {
    let one = Tree::new(&[(b"a", b"first"), (b"b", b"second")]);
    let other = Tree::new(&[(b"x\ny", b"first"), (b"\xff", b"second")]);
    let bytes = |tree: &Tree| fs::read(tree.pack().unwrap()).unwrap();
    assert_eq!(bytes(&one), bytes(&other));
}

#[test]
fn equal_contents_are_stored_once_and_restored_to_every_target() {
    let tree = Tree::new(&[(b"a", b"same"), (b"b", b"same"), (b"empty", b"")]);
    let packed = tree.pack().unwrap();
    let listing = Command::new("tar").arg("--zstd").arg("-tf").arg(&packed).output().unwrap();
    let expected = format!("{}\n{}\n", hash_bytes(b"same"), hash_bytes(b""));
    assert_eq!(String::from_utf8_lossy(&listing.stdout), expected, "as GNU tar reads it");
    let wanted = tree.wanted();
    unpack(&packed, &wanted).unwrap();
    assert!(holds(&wanted));
}

#[test]
fn a_sparse_file_comes_back_with_its_holes() {
    const SIZE: u64 = 64 * 1024 * 1024;
    let mut tree = Tree::new(&[(b"sparse", b"head")]);
    let path = tree.path(b"sparse");
    fs::File::options().write(true).open(&path).unwrap().set_len(SIZE).unwrap();
    let (digest, id) = hash_file(as_bytes(&path)).unwrap();
    tree.files = vec![(path, digest, id.size)];
    let wanted = tree.wanted();
    unpack(&tree.pack().unwrap(), &wanted).unwrap();
    let staged = fs::metadata(&wanted[0].targets[0]).unwrap();
    assert_eq!(staged.len(), SIZE);
    assert!(staged.blocks() * 512 < SIZE / 4, "took {} blocks", staged.blocks());
    assert!(holds(&wanted));
}

#[test]
fn a_size_beyond_eight_gibibytes_fits_the_header() {
    // The member is announced, not held: the reader must see its size, then miss its bytes.
    let dir = tempfile::tempdir().unwrap();
    let (big, path) = (9_u64 << 30, dir.path().join("big.tar.zst"));
    let mut header = tar::Header::new_ustar();
    header.set_path(Digest::ZERO.to_string()).unwrap();
    header.set_size(big);
    header.set_cksum();
    fs::write(&path, zstd::encode_all(&header.as_bytes()[..], LEVEL).unwrap()).unwrap();
    let target = dir.path().join("staged");
    let want = Wanted { digest: Digest::ZERO, size: big, targets: vec![target.clone()] };
    assert!(matches!(unpack(&path, &[want]), Err(UnpackError::Damaged { .. })));
    assert!(!target.exists());
}

#[test]
fn a_file_that_is_not_what_its_item_promises_is_named() {
    let changes: [fn(&Path); 5] = [
        |path| fs::write(path, "Content").unwrap(),
        |path| fs::write(path, "content and more").unwrap(),
        |path| fs::write(path, "").unwrap(),
        |path| fs::remove_file(path).unwrap(),
        |path| {
            fs::rename(path, path.with_extension("moved")).unwrap();
            symlink("file.moved", path).unwrap();
        },
    ];
    for change in changes {
        let tree = Tree::new(&[(b"file", b"content")]);
        change(&tree.files[0].0);
        match tree.pack() {
            Err(PackError::Changed(path)) => assert_eq!(path, as_bytes(&tree.files[0].0)),
            other => panic!("expected a change, got {other:?}"),
        }
    }
}

#[test]
fn a_member_of_another_size_than_recorded_is_damage_and_nothing_is_written() {
    let tree = Tree::new(&[(b"bomb", &vec![0; 100_000])]);
    let mut wanted = tree.wanted();
    wanted[0].size = 10;
    let error = unpack(&tree.pack().unwrap(), &wanted).unwrap_err();
    assert!(error.is_damage(), "{error}");
    assert!(!wanted[0].targets[0].exists());
}

#[test]
fn an_existing_or_linked_staging_file_is_never_written_through() {
    let tree = Tree::new(&[(b"a", b"new"), (b"victim", b"old")]);
    let wanted = &tree.wanted()[..1];
    symlink(&tree.files[1].0, &wanted[0].targets[0]).unwrap();
    let error = unpack(&tree.pack().unwrap(), wanted).unwrap_err();
    assert!(matches!(error, UnpackError::Write { .. }), "{error}");
    assert_eq!(fs::read(&tree.files[1].0).unwrap(), b"old");
}

#[test]
fn what_is_not_there_is_told_apart() {
    let tree = Tree::new(&[(b"a", b"x")]);
    let packed = tree.pack().unwrap();
    let absent = Wanted { digest: Digest::ZERO, size: 0, targets: vec![tree.path(b"t")] };
    assert!(matches!(unpack(&packed, &[absent]), Err(UnpackError::Lacks { .. })));
    assert!(matches!(verify(&tree.path(b"none")), Err(UnpackError::Missing { .. })));
}

#[test]
fn members_that_are_no_plain_content_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile.tar.zst");
    let hostile: [(&str, tar::EntryType); 4] = [
        ("../escape", tar::EntryType::Regular),
        (&Digest::ZERO.to_string(), tar::EntryType::Symlink),
        (&Digest::ZERO.to_string(), tar::EntryType::GNULongName),
        (&Digest::ZERO.to_string(), tar::EntryType::GNUSparse),
    ];
    for (name, kind) in hostile {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_cksum();
        let bytes = [&header.as_bytes()[..], &[0; 1024]].concat();
        fs::write(&path, zstd::encode_all(&bytes[..], LEVEL).unwrap()).unwrap();
        assert!(matches!(verify(&path), Err(UnpackError::Damaged { .. })), "{name} {kind:?}");
    }
}

#[test]
fn a_member_that_is_not_what_its_name_says_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("false.tar.zst");
    let mut header = tar::Header::new_ustar();
    header.set_path(hash_bytes(b"x").to_string()).unwrap();
    header.set_size(512);
    header.set_cksum();
    let bytes = [&header.as_bytes()[..], &[b'y'; 512], &[0; 1024]].concat();
    fs::write(&path, zstd::encode_all(&bytes[..], LEVEL).unwrap()).unwrap();
    let target = dir.path().join("staged");
    let want = Wanted { digest: hash_bytes(b"x"), size: 512, targets: vec![target.clone()] };
    assert!(matches!(verify(&path), Err(UnpackError::Damaged { .. })));
    assert!(matches!(unpack(&path, &[want]), Err(UnpackError::Damaged { .. })));
    assert!(!target.exists());
}

fn contents() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..2000),
        (any::<u8>(), 0usize..300_000).prop_map(|(byte, count)| vec![byte; count]),
    ];
    prop::collection::vec(content, 1..5)
}

fn tree_of(contents: &[Vec<u8>]) -> Tree {
    let names: Vec<Vec<u8>> = (0..contents.len())
        .map(|index| [b"\xff\n", index.to_string().as_bytes()].concat())
        .collect();
    let files: Vec<(&[u8], &[u8])> =
        names.iter().zip(contents).map(|(name, content)| (&name[..], &content[..])).collect();
    Tree::new(&files)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_contents_come_back(contents in contents()) {
        let tree = tree_of(&contents);
        let packed = tree.pack().unwrap();
        verify(&packed).unwrap();
        let wanted = tree.wanted();
        unpack(&packed, &wanted).unwrap();
        prop_assert!(holds(&wanted));
    }

    #[test]
    fn a_cut_archive_is_damage_and_never_yields_wrong_bytes(
        contents in contents(), cut in 0.0..1.0f64,
    ) {
        let tree = tree_of(&contents);
        let packed = tree.pack().unwrap();
        let size = fs::metadata(&packed).unwrap().len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss,
                 clippy::cast_sign_loss, reason = "any place to cut will do")]
        let keep = (size as f64 * cut) as u64;
        fs::File::options().write(true).open(&packed).unwrap().set_len(keep).unwrap();
        prop_assert!(verify(&packed).is_err_and(|error| error.is_damage()));
        let wanted = tree.wanted();
        prop_assert!(unpack(&packed, &wanted).is_err() || holds(&wanted));
        prop_assert!(staged_is_right(&wanted));
    }

    #[test]
    fn a_flipped_bit_is_damage_and_never_yields_wrong_bytes(
        contents in contents(), at: prop::sample::Index, bit in 0u8..8,
    ) {
        let tree = tree_of(&contents);
        let packed = tree.pack().unwrap();
        let mut bytes = fs::read(&packed).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(&packed, bytes).unwrap();
        let wanted = tree.wanted();
        prop_assert!(unpack(&packed, &wanted).is_err() || holds(&wanted));
        prop_assert!(staged_is_right(&wanted));
    }
}
