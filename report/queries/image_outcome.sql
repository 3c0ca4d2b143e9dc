-- name: image_outcome
-- section: dataset
-- title: What became of each image
-- paper: analysis outcome of images
-- metric: 5
-- kind: shares
-- unit: images
-- row: one distinct image that was fetched
-- definition: Complete, if the profile of each of its layers is; else why not. The classes add up to all
--   images.
-- s17: complete=92.31%
WITH fetched AS (
    SELECT manifest_digest, bool_or(is_complete) AS is_complete, bool_or(is_profiled) AS is_profiled,
        min(merge_gap) AS merge_gap
    FROM images GROUP BY manifest_digest
)
SELECT
    CASE WHEN is_complete THEN 'complete' WHEN is_profiled THEN coalesce(merge_gap, 'incomplete')
        ELSE 'not_profiled' END AS label,
    count(*) AS count
FROM fetched
GROUP BY label
ORDER BY count DESC, label
