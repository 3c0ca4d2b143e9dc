-- name: layer_pulls
-- section: layers
-- title: Pulls of a layer
-- paper: layer pulls
-- metric: 36
-- figure: 8
-- kind: distribution
-- unit: pulls
-- axis: log
-- row: one distinct layer that a profiled image lists
-- definition: The pull counters of the repositories that have such an image, each repository once, added up;
--   none where the hub says none.
-- curve: all=pull_count.layer
WITH users AS (
    SELECT DISTINCT l.number, i.registry, i.repository
    FROM layer_images l JOIN numbered_images n USING (image) JOIN images i USING (manifest_digest)
)
SELECT sum(pulls)::BIGINT AS value, any_value(n.is_official) AS is_official
FROM users JOIN numbered_layers n USING (number) LEFT JOIN repositories USING (registry, repository)
GROUP BY number
