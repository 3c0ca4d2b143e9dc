-- name: directory_files
-- section: layers
-- title: Files of a directory
-- paper: files per directory
-- metric: 38
-- figure: 6
-- kind: distribution
-- series: direct recursive
-- unit: files
-- axis: log
-- row: one directory of one analyzed layer, below the root
-- definition: Regular files and hard links directly in it; in it and below (recursive).
WITH counted AS (
    SELECT d.files, d.recursive_files, count(*) AS directories
    FROM directories d JOIN numbered_layers USING (layer)
    WHERE is_analyzed AND depth > 0
    GROUP BY ALL
)
SELECT 'direct' AS series, files AS value, directories AS weight FROM counted
UNION ALL SELECT 'recursive', recursive_files, directories FROM counted
