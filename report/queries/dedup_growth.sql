-- name: dedup_growth
-- section: sharing
-- title: Deduplication as the dataset grows
-- paper: deduplication ratio growth
-- metric: 10
-- figure: 25
-- kind: ratio
-- unit: as said
-- row: one sample of layers
-- definition: The ratio of file deduplication in random samples of the analyzed layers, each part of all
--   larger ones.
-- note: The published profiles held most files twice: their ratios are upper bounds.
-- inflated: yes
-- s18: files.1000=3.6 files.10000=7.2 files.100000=13.2 files.1000000=27.9 files.1700000=31.6
--   bytes.1000=1.9 bytes.10000=3.0 bytes.100000=4.3 bytes.1000000=6.6 bytes.1700000=7.0
WITH everything AS (SELECT count(*) AS layers FROM numbered_layers WHERE is_analyzed),
samples AS (
    SELECT DISTINCT unnest([step * pow(10, power)::BIGINT for step in [1, 2, 5]]) AS layers
    FROM range(0, 10) AS powers(power)
),
sizes AS (
    SELECT layers FROM samples WHERE layers < (SELECT layers FROM everything)
    UNION SELECT layers FROM everything WHERE layers > 0
),
by_layer AS (
    SELECT number, sum(files) AS files, sum(bytes) AS bytes FROM layer_redundancy GROUP BY number
),
firsts AS (
    SELECT first_layer AS number, count(*) AS contents, sum(size_bytes) AS bytes
    FROM contents GROUP BY first_layer
),
cumulated AS (
    SELECT
        number,
        sum(l.files) OVER (ORDER BY number) AS files,
        sum(coalesce(f.contents, 0)) OVER (ORDER BY number) AS contents,
        sum(l.bytes) OVER (ORDER BY number) AS bytes,
        sum(coalesce(f.bytes, 0)) OVER (ORDER BY number) AS distinct_bytes
    FROM by_layer l LEFT JOIN firsts f USING (number)
),
sampled AS (
    SELECT layers, max(files) AS files, max(contents) AS contents, max(bytes) AS bytes,
        max(distinct_bytes) AS distinct_bytes
    FROM sizes JOIN cumulated ON number <= layers
    GROUP BY layers
)
SELECT 'files' AS series, layers AS label, files::DOUBLE AS before, contents::DOUBLE AS after FROM sampled
UNION ALL
SELECT 'bytes', layers, bytes::DOUBLE, distinct_bytes::DOUBLE FROM sampled
ORDER BY series DESC, label
