-- name: failures
-- section: dataset
-- title: Units of work that failed
-- paper: -
-- metric: 5
-- kind: shares
-- unit: units
-- row: one page, listing of tags, image, blob, layer or image profile
-- definition: By stage: the kind of unit, and why it failed.
SELECT stage AS series, unit || ': ' || reason AS label, count(*) AS count
FROM failures
GROUP BY series, label
ORDER BY series, count DESC, label
