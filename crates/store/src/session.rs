//! Statements on an open database, with errors that say what was being done.

use std::fs::File;
use std::path::Path;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use digest::Digest;

use crate::{Result, StoreError, body, connect};

/// A connection, in a transaction or not, and what it is being used for.
pub(crate) struct Session<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) path: &'a Path,
    /// As a verb phrase, for errors.
    pub(crate) doing: &'static str,
}

impl Session<'_> {
    /// Runs a statement that gives no rows; how many rows it changed.
    pub(crate) fn run(&self, statement: &str, params: impl Params) -> Result<usize> {
        let prepared = self.connection.prepare_cached(statement);
        prepared.and_then(|mut statement| statement.execute(params)).map_err(|e| self.error(e))
    }

    /// Runs an insertion; id of the new row.
    pub(crate) fn insert(&self, statement: &str, params: impl Params) -> Result<i64> {
        self.run(statement, params).map(|_| self.connection.last_insert_rowid())
    }

    /// The first row, if there is one.
    pub(crate) fn first<T>(
        &self,
        select: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let prepared = self.connection.prepare_cached(select);
        prepared
            .and_then(|mut select| select.query_row(params, read).optional())
            .map_err(|error| self.error(error))
    }

    /// All rows.
    pub(crate) fn rows<T>(
        &self,
        select: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let prepared = self.connection.prepare_cached(select);
        prepared
            .and_then(|mut select| select.query_map(params, read)?.collect())
            .map_err(|error| self.error(error))
    }

    /// Rows one by one, until `visit` has had enough.
    pub(crate) fn each(
        &self,
        select: &str,
        params: impl Params,
        mut visit: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
    ) -> Result<()> {
        let visited = self.connection.prepare_cached(select).and_then(|mut select| {
            let mut rows = select.query(params)?;
            while let Some(row) = rows.next()? {
                if !visit(row)? {
                    break;
                }
            }
            Ok(())
        });
        visited.map_err(|error| self.error(error))
    }

    /// Bytes as they are stored.
    pub(crate) fn encode(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        body::encode(bytes).map_err(|source| StoreError::of_file(self.doing, self.path, source))
    }

    /// The bytes that were stored.
    pub(crate) fn decode(&self, stored: &[u8]) -> Result<Vec<u8>> {
        body::decode(stored).map_err(|fault| self.damaged(fault))
    }

    /// An error about what a table holds.
    pub(crate) fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { what, path: self.path.to_path_buf() }
    }

    /// An error of the database. If it is damaged it is marked, so that whoever opens it next
    /// looks at all of it.
    pub(crate) fn error(&self, source: rusqlite::Error) -> StoreError {
        let error = StoreError::of_database(self.doing, self.path, source);
        if matches!(error, StoreError::Damaged { .. }) {
            // Best effort: without the mark the same error comes again, and marks it then.
            let _ = File::create(connect::suspect_path(self.path));
        }
        error
    }
}

/// A digest in a column.
pub(crate) struct Column(pub(crate) Digest);

impl FromSql for Column {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let digest = Digest::from_slice(value.as_blob()?);
        digest.map(Self).ok_or(FromSqlError::InvalidType)
    }
}

/// Reads the digest in the first column.
pub(crate) fn first_digest(row: &Row<'_>) -> rusqlite::Result<Digest> {
    row.get(0).map(|Column(digest)| digest)
}
