-- name: platforms_per_reference
-- section: images
-- title: Platforms of a tag
-- paper: platforms
-- metric: 26
-- kind: distribution
-- unit: platforms
-- axis: linear
-- histogram: 0 33 1
-- row: one image reference (repository and tag)
-- definition: Manifests of platforms that it led to; those that were not chosen to be fetched are not among
--   them.
SELECT count(DISTINCT manifest_digest) AS value, any_value(is_official) AS is_official
FROM images LEFT JOIN repositories USING (registry, repository)
GROUP BY registry, repository, reference
