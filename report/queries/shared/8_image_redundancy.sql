-- name: image_redundancy
-- definition: For each analyzed image with regular files, summed over its distinct layers, how many of them,
--   and bytes: all; all but distinct contents (intra); contents that occur more than once anywhere (any);
--   contents of another image too (strict).
CREATE OR REPLACE TEMP TABLE image_redundancy AS
WITH sums AS (
    SELECT
        image, sum(files) AS files, sum(bytes) AS bytes,
        sum(any_files) AS any_files, sum(any_bytes) AS any_bytes,
        sum(images_files) AS strict_files, sum(images_bytes) AS strict_bytes,
        sum(own_contents) AS own_contents, sum(own_bytes) AS own_bytes
    FROM layer_images JOIN numbered_images USING (image) JOIN layer_redundancy USING (number)
    WHERE is_complete
    GROUP BY image
),
in_several AS (
    SELECT number, content, l.size_bytes
    FROM layer_contents l JOIN contents c USING (content)
    WHERE c.layers > 1
),
distinct_pairs AS (
    SELECT image, content, max(size_bytes) AS size_bytes
    FROM layer_images JOIN numbered_images USING (image) JOIN in_several USING (number)
    WHERE is_complete
    GROUP BY image, content
),
shared AS (
    SELECT image, count(*) AS contents, sum(size_bytes) AS bytes FROM distinct_pairs GROUP BY image
)
SELECT
    image, s.files::BIGINT AS files, s.bytes::BIGINT AS bytes,
    (s.files - own_contents - coalesce(shared.contents, 0))::BIGINT AS intra_files,
    (s.bytes - own_bytes - coalesce(shared.bytes, 0))::BIGINT AS intra_bytes,
    any_files::BIGINT AS any_files, any_bytes::BIGINT AS any_bytes,
    strict_files::BIGINT AS strict_files, strict_bytes::BIGINT AS strict_bytes
FROM sums s LEFT JOIN shared USING (image)
