-- name: totals
-- section: dataset
-- title: The dataset
-- paper: totals
-- metric: 4
-- kind: table
-- unit: as said
-- row: one total
-- definition: Layers count once however many images list them; files and sizes are those of analyzed layers.
-- note: Published: images of the tag `latest` alone, and files counted twice; sizes and files are those of
--   all its layers.
-- inflated: yes
-- s17: images=355319 analyzed_images=319620 layers=1792609 analyzed_layers=1607533 cls_bytes=47TB
--   files=5278465130 fls_bytes=167.20TB
WITH layer_sums AS (
    SELECT count(*) AS n, sum(cls_bytes) AS cls, sum(als_bytes) AS als, sum(fls_bytes) AS fls,
        sum(files) AS files, sum(directories) AS directories, sum(symlinks) AS symlinks
    FROM analyzed_layers
),
totals AS (
    SELECT 1 AS place, 'repositories' AS name, (SELECT count(*) FROM repositories) AS value,
        'repositories' AS unit
    UNION ALL
    SELECT 2, 'references', (SELECT count(DISTINCT (registry, repository, reference)) FROM images),
        'references'
    UNION ALL SELECT 3, 'images', (SELECT count(DISTINCT manifest_digest) FROM images), 'images'
    UNION ALL SELECT 4, 'analyzed_images', (SELECT count(*) FROM analyzed_images), 'images'
    UNION ALL SELECT 5, 'layer_references', (SELECT count(*) FROM image_layers), 'layers'
    UNION ALL SELECT 6, 'layers', (SELECT count(*) FROM numbered_layers), 'layers'
    UNION ALL SELECT 7, 'analyzed_layers', n, 'layers' FROM layer_sums
    UNION ALL SELECT 8, 'cls_bytes', coalesce(cls, 0), 'B' FROM layer_sums
    UNION ALL SELECT 9, 'als_bytes', coalesce(als, 0), 'B' FROM layer_sums
    UNION ALL SELECT 10, 'fls_bytes', coalesce(fls, 0), 'B' FROM layer_sums
    UNION ALL SELECT 11, 'files', coalesce(files, 0), 'files' FROM layer_sums
    UNION ALL SELECT 12, 'contents', (SELECT count(*) FROM contents), 'contents'
    UNION ALL SELECT 13, 'directories', coalesce(directories, 0), 'directories' FROM layer_sums
    UNION ALL SELECT 14, 'symlinks', coalesce(symlinks, 0), 'symlinks' FROM layer_sums
)
SELECT name, value::BIGINT AS value, unit
FROM totals
WHERE (SELECT sum(value) FROM totals) > 0
ORDER BY place
