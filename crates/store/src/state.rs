//! The workspace's own part: stat index and ledger, bound to the directory they speak of.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use stat::StatId;

use crate::connect::Layout;
use crate::db::Db;
use crate::session::Session;
use crate::stat_index::Loaded;
use crate::{Result, StoreError};

/// Tables of the state; see `docs/formats.md`.
const LAYOUT: Layout =
    Layout { file: "state.db", format: 3, schema: include_str!("sql/state.sql") };

/// Tables that speak of one directory tree and mean nothing in a copy of it.
const FORGET: &str = "DELETE FROM stat; DELETE FROM recorded; DELETE FROM step;";

/// State of one workspace.
#[derive(Debug)]
pub struct State {
    pub(crate) db: Db,
    pub(crate) loaded: RefCell<Loaded>,
}

impl State {
    /// Opens the state in a directory, which is made if it is not there, for the workspace whose
    /// root directory has the identity `root`. If that is another one than before, the workspace
    /// was copied or moved: ledger and stat index are emptied.
    pub fn open(dir: &Path, root: &StatId) -> Result<Self> {
        let mut db = Db::open(dir, &LAYOUT)?;
        if !db.read_only {
            ignore(dir)?;
        }
        bind(&mut db, root)?;
        Ok(Self { db, loaded: RefCell::default() })
    }

    /// What opening it had to put right, in words.
    pub fn warnings(&self) -> &[String] {
        &self.db.warnings
    }

    /// Whether nothing can be recorded.
    pub fn is_read_only(&self) -> bool {
        self.db.read_only
    }

    /// Makes sure that it does not grow without bound. Call it when nothing more is to come.
    pub fn settle(&mut self) -> Result<()> {
        self.keep_used()?;
        self.db.checkpoint()
    }
}

/// Binds the database to a root, having emptied it if it was bound to another.
fn bind(db: &mut Db, root: &StatId) -> Result<()> {
    let root = [root.dev.to_le_bytes(), root.ino.to_le_bytes()].concat();
    if bound(&db.read("open"))?.as_ref() == Some(&root) {
        return Ok(());
    }
    if db.read_only {
        return db.forget(&LAYOUT);
    }
    db.write("bind to this directory", |session| {
        session.connection.execute_batch(FORGET).map_err(|source| session.error(source))?;
        let insert = "INSERT OR REPLACE INTO meta (name, value) VALUES ('root', ?1)";
        session.run(insert, [&root]).map(drop)
    })
}

fn bound(session: &Session<'_>) -> Result<Option<Vec<u8>>> {
    session.first("SELECT value FROM meta WHERE name = 'root'", [], |row| row.get(0))
}

/// Keeps git away from the directory.
fn ignore(dir: &Path) -> Result<()> {
    let path = dir.join(".gitignore");
    if fs::read(&path).is_ok_and(|text| !text.is_empty()) {
        return Ok(());
    }
    fs::write(&path, "*\n").map_err(|source| StoreError::of_file("write", &path, source))
}
