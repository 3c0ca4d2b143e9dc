-- name: layer_oddities
-- section: dataset
-- title: Odd layers
-- paper: -
-- metric: 6
-- kind: table
-- unit: layers
-- row: one flag
-- definition: Profiled layers with that flag; one may have several.
SELECT flag, count(*) AS layers, sum(cls_bytes)::BIGINT AS cls_bytes
FROM (SELECT unnest(string_split(flags, ' ')) AS flag, cls_bytes FROM layers WHERE flags <> '')
GROUP BY flag
ORDER BY layers DESC, flag
