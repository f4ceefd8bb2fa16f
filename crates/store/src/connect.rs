//! Connections to `SQLite`: settings, formats, and whether a database is sound.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::db::suffixed;
use crate::{Result, StoreError};

/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Statements that are kept prepared: more than there are.
const STATEMENTS: usize = 64;

/// Settings of every connection. `synchronous = NORMAL` in WAL mode never waits for the disk but
/// in a checkpoint, and those happen at the end of a run ([`crate::db`]) or, so that the log has
/// a bound, after 16384 pages.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 16384;
    PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
";

/// What a database looks like.
pub(crate) struct Layout {
    /// File name.
    pub(crate) file: &'static str,
    /// Version, kept in `user_version`; any other is emptied and made anew.
    pub(crate) format: i32,
    /// Statements that make the tables.
    pub(crate) schema: &'static str,
}

/// A connection to the database, which is made or brought to this format if need be.
pub(crate) fn writable(
    path: &Path,
    layout: &Layout,
    warnings: &mut Vec<String>,
) -> Result<Connection> {
    let failed = |source| StoreError::of_database("open", path, source);
    private(path)?;
    let mut connection = Connection::open(path).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    let format: i32 = connection.query_row("PRAGMA user_version", [], first).map_err(failed)?;
    if format != layout.format {
        let found = begin(&mut connection, layout).map_err(failed)?;
        warnings.extend(
            found.map(|found| format!("`{}` had format {found} and was emptied", path.display())),
        );
    }
    connection.execute_batch(SETTINGS).map_err(failed)?;
    sound(&connection, path)?;
    Ok(connection)
}

/// A connection that changes nothing, not even the files beside the database.
pub(crate) fn read_only(path: &Path, layout: &Layout) -> Result<Connection> {
    let connection = open_existing(path.as_os_str().as_bytes(), "")
        .or_else(|_| open_existing(path.as_os_str().as_bytes(), "?immutable=1"))
        .map_err(|source| StoreError::of_database("open", path, source))?;
    let format: i32 = connection
        .query_row("PRAGMA user_version", [], first)
        .map_err(|source| StoreError::of_database("open", path, source))?;
    if format == layout.format {
        Ok(connection)
    } else {
        Err(StoreError::Damaged { what: format!("format {format}"), path: path.to_path_buf() })
    }
}

/// An empty database that lasts as long as the connection.
pub(crate) fn in_memory(path: &Path, layout: &Layout) -> Result<Connection> {
    let failed = |source| StoreError::of_database("stand in for", path, source);
    let connection = Connection::open_in_memory().map_err(failed)?;
    connection.execute_batch(layout.schema).map_err(failed)?;
    Ok(connection)
}

/// A file that says a damaged page was met, so that the whole database must be looked at.
pub(crate) fn suspect_path(path: &Path) -> PathBuf {
    suffixed(path, ".suspect")
}

/// Makes the database file, if it is not there, readable for the user alone.
fn private(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    let made = options.write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|source| StoreError::of_file("open", path, source))
}

/// What must be so before the first statement.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map(drop)
}

/// Makes the tables, in place of those of another format, which is returned. In place, since
/// processes of that format may have the database open: they find their tables gone, no more.
fn begin(connection: &mut Connection, layout: &Layout) -> rusqlite::Result<Option<i32>> {
    // The former has an effect before the first table only. As for the latter: should the power
    // fail now, there is nothing to lose yet, and what is damaged is begun anew.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = OFF")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let format: i32 = transaction.query_row("PRAGMA user_version", [], first)?;
    let tables: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")?
        .query_map([], first)?
        .collect::<rusqlite::Result<_>>()?;
    if format == layout.format {
        return Ok(None); // Another process was faster.
    }
    for table in &tables {
        transaction.execute_batch(&format!("DROP TABLE \"{}\"", table.replace('"', "\"\"")))?;
    }
    transaction.execute_batch(layout.schema)?;
    transaction.pragma_update(None, "user_version", layout.format)?;
    transaction.commit()?;
    Ok((!tables.is_empty()).then_some(format))
}

/// Looks at the whole of a database in which damage was met before.
fn sound(connection: &Connection, path: &Path) -> Result<()> {
    let suspect = suspect_path(path);
    if !suspect.exists() {
        return Ok(());
    }
    let failed = |source| StoreError::of_database("check", path, source);
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], first).map_err(failed)?;
    if verdict != "ok" {
        return Err(StoreError::Damaged { what: verdict, path: path.to_path_buf() });
    }
    fs::remove_file(&suspect).map_err(|source| StoreError::of_file("remove", &suspect, source))
}

fn open_existing(path: &[u8], query: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("{}{query}", uri(path)), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// A `file:` URI, with every byte escaped that could mean something in one.
fn uri(path: &[u8]) -> String {
    use std::fmt::Write;
    let mut uri = String::from("file:");
    for &byte in path {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

fn first<T: rusqlite::types::FromSql>(row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
    row.get(0)
}
