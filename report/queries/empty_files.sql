-- name: empty_files
-- section: files
-- title: Empty files
-- paper: empty files
-- metric: 42
-- kind: shares
-- unit: files
-- row: one regular file of one analyzed layer
-- definition: Whether its size is 0.
-- s17: empty=1%
SELECT CASE WHEN size_bytes = 0 THEN 'empty' ELSE 'not_empty' END AS label, sum(files)::BIGINT AS count
FROM contents
GROUP BY label
ORDER BY label
