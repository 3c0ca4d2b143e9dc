-- name: file_owners
-- section: files
-- title: Owners of files
-- paper: file metadata
-- metric: 44
-- kind: shares
-- unit: files
-- row: one regular file of one analyzed layer
-- definition: By its numeric owner: root (0), of the system (below 1000), or a user.
SELECT CASE WHEN uid = 0 THEN 'root' WHEN uid BETWEEN 1 AND 999 THEN 'system' ELSE 'user' END AS label,
    count(*) AS count, sum(size_bytes)::BIGINT AS size_bytes
FROM files JOIN numbered_layers USING (layer)
WHERE is_analyzed AND is_last AND kind = 'file'
GROUP BY label
ORDER BY count DESC, label
