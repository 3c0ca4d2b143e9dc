-- name: combined_saving
-- section: sharing
-- title: What each way of saving is worth
-- paper: combined savings
-- metric: 11
-- kind: ratio
-- unit: B
-- row: one way
-- definition: Sharing: CLS of all references / of distinct layers. Compression: FLS / CLS of the analyzed
--   layers. Deduplication: FLS / bytes of distinct contents. Both and all are products, as sizes: what the
--   layers of all images would take without any, as far as the first two tell, against what is left.
-- note: With deduplication, published: inflated by files counted twice.
-- s18: sharing=1.8 compression=3.6 sharing_compression=6.5 deduplication=6.9
WITH references_ AS (
    SELECT sum(blob_bytes * reference_count)::DOUBLE AS listed, sum(blob_bytes)::DOUBLE AS stored
    FROM numbered_layers WHERE reference_count > 0
),
sizes AS (SELECT sum(cls_bytes)::DOUBLE AS cls, sum(fls_bytes)::DOUBLE AS fls FROM analyzed_layers),
files AS (SELECT sum(bytes)::DOUBLE AS bytes, sum(size_bytes)::DOUBLE AS distinct_bytes FROM contents)
SELECT label, before, after
FROM (
    SELECT 1 AS place, 'sharing' AS label, listed AS before, stored AS after FROM references_
    UNION ALL SELECT 2, 'compression', fls, cls FROM sizes
    UNION ALL SELECT 3, 'sharing_compression', listed * fls / nullif(cls, 0), stored FROM references_, sizes
    UNION ALL SELECT 4, 'deduplication', bytes, distinct_bytes FROM files
    UNION ALL
    SELECT 5, 'sharing_compression_deduplication',
        listed * fls / nullif(cls, 0) * bytes / nullif(distinct_bytes, 0), stored
    FROM references_, sizes, files
)
WHERE before IS NOT NULL AND after IS NOT NULL
ORDER BY place
