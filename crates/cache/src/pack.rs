//! Packing a result: bytes into an archive, the log into a blob, the entry last.

use std::collections::HashMap;
use std::io::Write as _;

use archive::{Item as PackItem, PackError, pack};
use digest::Digest;
use policy::{NotCached, NotCachedKind, Output, OutputKind};
use store::{Blob, Insert, StoreError};

use crate::disk::lock;
use crate::log::{self, Log};
use crate::lookup::chain;
use crate::manifest::{Item, ItemKind, Manifest};
use crate::record::Pending;
use crate::step::Step;
use crate::workspace::Workspace;

/// Compression level for archives: build results compress well at any, and writing must not hold
/// up the run.
const LEVEL: i32 = 1;

/// Archives that a result needs, with their sizes.
type Archives = Vec<(Digest, u64)>;

impl Workspace {
    /// Packs and stores what [`Workspace::record`] judged.
    ///
    /// # Errors
    /// Why it could not be stored after all.
    pub fn pack(&self, pending: &Pending) -> Result<(), NotCached> {
        let known = self.archived(&pending.step);
        let (items, archives) = self.pack_outputs(&pending.outputs, &known)?;
        let manifest = Manifest { items, provenance: pending.provenance.clone() };
        let log = self.store_log(&pending.log).map_err(|error| store_failed(&error))?;
        let chunks = pending.set.encode();
        let insert = Insert {
            weak: pending.step.spec.weak,
            set: &chunks,
            strong: pending.strong,
            manifest: manifest.encode(),
            values: postcard::to_stdvec(&pending.values).unwrap_or_default(),
            archives,
            log,
            duration_ms: u64::try_from(pending.wall.as_millis()).unwrap_or(u64::MAX),
            from_nothing: pending.whole,
        };
        lock(&self.cache).insert(insert).map_err(|error| store_failed(&error))?;
        self.may_stand(pending.step.spec.id, &pending.strong).inspect_err(|_| {
            let _ = lock(&self.cache).drop_entry(&pending.strong);
        })
    }

    /// Which archives hold which contents, as far as the step's standing result tells.
    fn archived(&self, step: &Step) -> HashMap<Digest, (Digest, u64)> {
        let cache = lock(&self.cache);
        let sets = cache.path_sets(&step.spec.weak, 1).unwrap_or_default();
        let entries = sets.iter().flat_map(|set| {
            cache.entries_of(&step.spec.weak, set).unwrap_or_default().into_iter().take(1)
        });
        let mut held = HashMap::new();
        for entry in entries {
            let sizes: HashMap<Digest, u64> = entry.archives.iter().copied().collect();
            let manifest = Manifest::decode(&entry.manifest).unwrap_or_default();
            for item in manifest.items {
                if let ItemKind::File { digest, archive, .. } = item.kind
                    && let Some(size) = sizes.get(&archive)
                    && cache.blob_path(Blob::Archive, &archive).exists()
                {
                    held.insert(digest, (archive, *size));
                }
            }
        }
        held
    }

    /// Packs what no archive holds yet, and says for every output where its bytes are.
    fn pack_outputs(
        &self,
        outputs: &[Output],
        held: &HashMap<Digest, (Digest, u64)>,
    ) -> Result<(Vec<Item>, Archives), NotCached> {
        let mut fresh: HashMap<Digest, PackItem<'_>> = HashMap::new();
        for output in outputs {
            if let OutputKind::File { digest, size } = &output.kind
                && *size > 0
                && !held.contains_key(digest)
            {
                fresh.insert(
                    *digest,
                    PackItem::File {
                        path: &output.path,
                        source: &output.path,
                        mode: output.mode,
                        digest: *digest,
                        size: *size,
                    },
                );
            }
        }
        let packed = self.pack_fresh(&fresh)?;
        let mut used: HashMap<Digest, u64> = packed.into_iter().collect();
        let archive_of = |digest: &Digest| match (held.get(digest), packed) {
            (Some(archive), _) => Some(*archive),
            (None, packed) => packed,
        };
        let mut items: Vec<Item> = Vec::with_capacity(outputs.len());
        for output in outputs {
            let archive = match &output.kind {
                OutputKind::File { digest, size } if *size > 0 => archive_of(digest),
                _ => None,
            };
            used.extend(archive);
            items.push(self.item(output, archive.map_or(Digest::ZERO, |(archive, _)| archive)));
        }
        items.sort_by(|a, b| a.place.cmp(&b.place));
        items.dedup_by(|a, b| a.place == b.place);
        Ok((items, used.into_iter().collect()))
    }

    fn pack_fresh(
        &self,
        fresh: &HashMap<Digest, PackItem<'_>>,
    ) -> Result<Option<(Digest, u64)>, NotCached> {
        if fresh.is_empty() {
            return Ok(None);
        }
        let mut items: Vec<(&Digest, PackItem<'_>)> =
            fresh.iter().map(|(digest, item)| (digest, *item)).collect();
        items.sort_by_key(|(digest, _)| **digest);
        let items: Vec<PackItem<'_>> = items.into_iter().map(|(_, item)| item).collect();
        let blob = lock(&self.cache).new_blob(Blob::Archive);
        let mut blob = blob.map_err(|error| store_failed(&error))?;
        pack(&items, &mut blob, LEVEL).map_err(|error| pack_failed(&error))?;
        blob.commit().map(Some).map_err(|error| store_failed(&error))
    }

    fn item(&self, output: &Output, archive: Digest) -> Item {
        let kind = match &output.kind {
            OutputKind::File { digest, size } => {
                ItemKind::File { digest: *digest, size: *size, archive }
            }
            OutputKind::Link(target) => ItemKind::Link(target.clone()),
            OutputKind::Dir => ItemKind::Dir,
        };
        let place = self.roots.place(&output.path);
        Item { place, kind, mode: output.mode, mtime_ns: output.mtime_ns }
    }

    fn store_log(&self, log: &Log) -> Result<Option<(Digest, u64)>, StoreError> {
        if log.is_empty() {
            return Ok(None);
        }
        let mut blob = lock(&self.cache).new_blob(Blob::Log)?;
        let written = log::encode(log, &self.roots).and_then(|bytes| blob.write_all(&bytes));
        match written {
            Ok(()) => blob.commit().map(Some),
            Err(source) => {
                let path = self.state_dir.clone();
                Err(StoreError::Io { doing: "write a log for", path, source })
            }
        }
    }
}

fn pack_failed(error: &PackError) -> NotCached {
    match error {
        PackError::Changed(path) => NotCached::at(NotCachedKind::ChangedWhilePacking, path),
        other => NotCached::because(NotCachedKind::StoreFailed, chain(other)),
    }
}

fn store_failed(error: &StoreError) -> NotCached {
    NotCached::because(NotCachedKind::StoreFailed, chain(error))
}
