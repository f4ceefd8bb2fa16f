//! Checking all that the cache holds, for whoever asks for it.

use std::io;

use digest::{Digest, hash_file};
use stat::as_bytes;

use crate::session::first_digest;
use crate::{Blob, Cache, Entry, Result, StoreError};

impl Cache {
    /// Every entry, oldest first, checked: its rows, its path set, and that each blob it needs is
    /// there with the content it is named by.
    pub fn verify(&self) -> Result<impl Iterator<Item = (Digest, Result<Entry>)> + '_> {
        let select = "SELECT strong FROM entry ORDER BY id";
        let all = self.db.read("verify").rows(select, [], first_digest)?;
        Ok(all.into_iter().filter_map(|strong| Some((strong, self.check(&strong).transpose()?))))
    }

    /// The checked entry; `None` if it was removed meanwhile.
    fn check(&self, strong: &Digest) -> Result<Option<Entry>> {
        let Some(entry) = self.entry(strong)? else { return Ok(None) };
        if self.path_set(&entry.set)?.is_none() {
            return Err(self.db.read("verify").damaged(format!("path set {} is gone", entry.set)));
        }
        for &(digest, size) in &entry.archives {
            self.check_blob(Blob::Archive, digest, size)?;
        }
        if let Some((digest, size)) = entry.log {
            self.check_blob(Blob::Log, digest, size)?;
        }
        Ok(Some(entry))
    }

    fn check_blob(&self, kind: Blob, digest: Digest, size: u64) -> Result<()> {
        let path = self.blob_path(kind, &digest);
        match hash_file(as_bytes(&path)) {
            Ok((found, id)) if found == digest && id.size == size => Ok(()),
            Ok(_) => Err(StoreError::Damaged { what: "it holds other bytes".into(), path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::BlobMissing { kind, digest })
            }
            Err(source) => Err(StoreError::of_file("read", &path, source)),
        }
    }
}
