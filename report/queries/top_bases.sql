-- name: top_bases
-- section: images
-- title: The most frequent bases
-- paper: -
-- metric: 27
-- kind: table
-- unit: images
-- row: one base
-- definition: The twenty ChainIDs that most distinct images are built on, with a repository that has such an
--   image.
WITH bases AS (
    SELECT base_chain_id, min(json_extract_string(base_manifests, '$[0]')) AS manifest_digest,
        count(*) AS images
    FROM distinct_images WHERE base_chain_id IS NOT NULL GROUP BY base_chain_id
),
named AS (
    SELECT manifest_digest, min(repository || ':' || reference) AS example
    FROM images GROUP BY manifest_digest
)
SELECT coalesce(example, '') AS example, images, base_chain_id
FROM bases LEFT JOIN named USING (manifest_digest)
ORDER BY images DESC, base_chain_id
LIMIT 20
