-- name: repeat_classes
-- section: files
-- title: Files whose content occurs once, and more than once
-- paper: repeat = 1 and repeat > 1
-- metric: 42
-- kind: shares
-- unit: files
-- row: one regular file of one analyzed layer; in the series `distinct`, one distinct content
-- definition: By the repeat count of its content.
-- note: The published profiles held most files twice.
-- inflated: yes
-- s18: files.once=0.58% files.once.bytes=10.87% files.repeated=99.42% files.repeated.bytes=89.13%
WITH classes AS (
    SELECT CASE WHEN files > 1 THEN 'repeated' ELSE 'once' END AS label, sum(files)::BIGINT AS files,
        sum(bytes)::BIGINT AS bytes, count(*) AS contents, sum(size_bytes)::BIGINT AS distinct_bytes
    FROM contents GROUP BY label
)
SELECT 'files' AS series, label, files AS count, bytes AS size_bytes FROM classes
UNION ALL SELECT 'distinct', label, contents, distinct_bytes FROM classes
ORDER BY series DESC, label
