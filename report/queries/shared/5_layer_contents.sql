-- name: layer_contents
-- definition: One row per distinct content of regular files in one analyzed layer: occurrences, of which each
--   path counts once, by its last entry, and bytes. A content is known by the first 128 bits of its SHA-256.
CREATE OR REPLACE TEMP TABLE layer_contents AS
SELECT
    number,
    try_cast('0x' || left(sha256, 32) AS UHUGEINT) AS content,
    count(*)::INTEGER AS files,
    sum(size_bytes)::BIGINT AS bytes,
    max(size_bytes) AS size_bytes,
    min(coalesce(type_group || '/' || type, 'other/unknown')::file_type) AS type
FROM files JOIN numbered_layers USING (layer)
WHERE is_analyzed AND is_last AND kind = 'file' AND content IS NOT NULL
GROUP BY number, content
