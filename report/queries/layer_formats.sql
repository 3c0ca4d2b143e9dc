-- name: layer_formats
-- section: dataset
-- title: Formats of layers
-- paper: layer formats
-- metric: 6
-- kind: shares
-- unit: layers
-- row: one distinct layer that was profiled
-- definition: Its compression by its own bytes; the writer that its habits point to; its form with a table of
--   contents; its media type.
SELECT 'compression' AS series, compression AS label, count(*) AS count, sum(cls_bytes)::BIGINT AS size_bytes
FROM layers GROUP BY label
UNION ALL
SELECT 'writer', coalesce(producer, 'not told'), count(*), sum(cls_bytes)::BIGINT
FROM layers GROUP BY producer
UNION ALL
SELECT 'seekable', coalesce(seekable, 'no'), count(*), sum(cls_bytes)::BIGINT
FROM layers GROUP BY seekable
UNION ALL
SELECT 'media type', media_type, count(*), sum(cls_bytes)::BIGINT
FROM layers GROUP BY media_type
ORDER BY series, count DESC, label
