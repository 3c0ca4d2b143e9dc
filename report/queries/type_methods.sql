-- name: type_methods
-- section: files
-- title: What types were told by
-- paper: -
-- metric: 41
-- kind: shares
-- unit: files
-- row: one regular file of one analyzed layer
-- definition: What its type was told by: `signature`, `shebang`, `markup`, `name`, `text`, `size` (empty) or
--   `none`.
SELECT coalesce(method, 'none') AS label, sum(files)::BIGINT AS count, sum(bytes)::BIGINT AS size_bytes
FROM type_totals
GROUP BY label
ORDER BY count DESC, label
