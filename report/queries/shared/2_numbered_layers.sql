-- name: numbered_layers
-- definition: Distinct layers that were profiled, or that a profiled image lists, with numbers in random
--   order: by the MD5 of their digests, the analyzed ones first. So the first n of them are a random sample,
--   which is the same whenever it is drawn, and part of every larger one. Analyzed is a layer whose profile
--   is complete.
CREATE OR REPLACE TEMP TABLE numbered_layers AS
WITH listed AS (
    SELECT
        layer,
        count(DISTINCT image) AS reference_count,
        min(image) AS first_image,
        max(image) AS last_image,
        max(size_bytes) AS size_bytes,
        bool_or(is_official) AS is_official
    FROM image_layers JOIN numbered_images USING (manifest_digest)
    GROUP BY layer
),
joined AS (
    SELECT
        layer,
        coalesce(layers.status = 'complete', false) AS is_analyzed,
        coalesce(layers.status, 'not_profiled') AS status,
        coalesce(reference_count, 0) AS reference_count,
        first_image, last_image,
        coalesce(layers.cls_bytes, listed.size_bytes, 0) AS blob_bytes,
        listed.is_official
    FROM layers FULL JOIN listed USING (layer)
)
SELECT (row_number() OVER (ORDER BY is_analyzed DESC, md5(layer), layer))::INTEGER AS number, joined.*
FROM joined
