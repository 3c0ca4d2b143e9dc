-- name: file_size
-- section: files
-- title: Size of files
-- paper: file size
-- metric: 40
-- figure: draft
-- kind: distribution
-- series: all once repeated distinct
-- unit: B
-- axis: log
-- row: one regular file of one analyzed layer; of `distinct`, one distinct content that is not empty
-- definition: Apparent size: of every file (all), of those whose content occurs once, or more than once
--   (repeated), and of distinct contents.
-- note: Published for all files: 50 % below 3 KiB, 90 % below 30 KiB, 99 % below 1 MiB. The curve has nothing
--   below 1 KiB.
-- s17: all.p50=3KiB all.p90=30KiB all.p99=1MiB
-- s18: distinct.p50=3.6KiB distinct.p90=49KiB
-- curve: distinct=file_size.distinct_contents
WITH sized AS (
    SELECT size_bytes, files > 1 AS is_repeated, sum(files)::BIGINT AS files, count(*) AS contents
    FROM contents GROUP BY ALL
)
SELECT 'all' AS series, size_bytes AS value, files AS weight FROM sized
UNION ALL SELECT CASE WHEN is_repeated THEN 'repeated' ELSE 'once' END, size_bytes, files FROM sized
UNION ALL SELECT 'distinct', size_bytes, contents FROM sized WHERE size_bytes > 0
