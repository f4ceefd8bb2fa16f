-- Removes the rows that no entry leads to.
DELETE FROM path_set WHERE NOT EXISTS (SELECT 1 FROM entry WHERE set_id = path_set.id);
DELETE FROM path_set_chunk WHERE NOT EXISTS (SELECT 1 FROM path_set WHERE id = set_id);
DELETE FROM chunk WHERE NOT EXISTS (SELECT 1 FROM path_set_chunk WHERE chunk_id = chunk.id);
DELETE FROM blob WHERE NOT EXISTS (SELECT 1 FROM entry_blob WHERE blob_id = blob.id);
