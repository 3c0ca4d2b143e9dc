-- name: top_contents
-- section: files
-- title: The contents that occur most
-- paper: top files by repeat count
-- metric: 42
-- kind: table
-- unit: files
-- row: one distinct content
-- definition: The twenty with the most occurrences: size, type, layers that have it, and one of its paths.
WITH top AS (
    SELECT content, files, layers, size_bytes, type, first_layer
    FROM contents ORDER BY files DESC, content LIMIT 20
),
named AS (
    SELECT try_cast('0x' || left(sha256, 32) AS UHUGEINT) AS content, min(path) AS path, min(sha256) AS sha256
    FROM files
    WHERE kind = 'file' AND is_last
        AND layer IN (SELECT layer FROM numbered_layers JOIN top ON number = first_layer)
        AND try_cast('0x' || left(sha256, 32) AS UHUGEINT) IN (SELECT content FROM top)
    GROUP BY content
)
SELECT path AS example, files, layers, size_bytes, type::VARCHAR AS type, sha256
FROM top JOIN named USING (content)
ORDER BY files DESC, sha256
