-- The least recently used entry, and the bytes that only it accounts for.
SELECT
    entry.id,
    length(manifest) + length(input_values) + (
        SELECT coalesce(sum(blob.size), 0)
        FROM entry_blob JOIN blob ON blob.id = entry_blob.blob_id
        WHERE entry_blob.entry_id = entry.id AND NOT EXISTS (
            SELECT 1 FROM entry_blob AS other
            WHERE other.blob_id = blob.id AND other.entry_id <> entry.id
        )
    )
FROM entry ORDER BY used_ns, entry.id LIMIT 1
