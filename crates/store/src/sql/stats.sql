-- Counts and bytes of cache.db.
SELECT
    (SELECT count(*) FROM entry),
    (SELECT count(*) FROM path_set),
    (SELECT count(*) FROM blob WHERE kind = 0),
    (SELECT count(*) FROM blob WHERE kind = 1),
    (SELECT coalesce(sum(size), 0) FROM blob)
        + (SELECT coalesce(sum(length(manifest) + length(input_values)), 0) FROM entry)
        + (SELECT coalesce(sum(length(body)), 0) FROM chunk)
