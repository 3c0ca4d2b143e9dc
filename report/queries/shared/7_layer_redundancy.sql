-- name: layer_redundancy
-- definition: For each analyzed layer with regular files, how many of them, and bytes: all; repeats within
--   the layer; contents that occur more than once anywhere (any); contents of another layer too (strict);
--   contents that two distinct images have (images); distinct contents that no other layer has (own).
CREATE OR REPLACE TEMP TABLE layer_redundancy AS
SELECT
    number,
    sum(l.files)::BIGINT AS files,
    sum(l.bytes)::BIGINT AS bytes,
    sum(l.files - 1)::BIGINT AS intra_files,
    sum(l.bytes - l.size_bytes)::BIGINT AS intra_bytes,
    coalesce(sum(l.files) FILTER (c.files > 1), 0)::BIGINT AS any_files,
    coalesce(sum(l.bytes) FILTER (c.files > 1), 0)::BIGINT AS any_bytes,
    coalesce(sum(l.files) FILTER (c.layers > 1), 0)::BIGINT AS strict_files,
    coalesce(sum(l.bytes) FILTER (c.layers > 1), 0)::BIGINT AS strict_bytes,
    coalesce(sum(l.files) FILTER (c.is_in_images), 0)::BIGINT AS images_files,
    coalesce(sum(l.bytes) FILTER (c.is_in_images), 0)::BIGINT AS images_bytes,
    count(*) FILTER (c.layers = 1) AS own_contents,
    coalesce(sum(l.size_bytes) FILTER (c.layers = 1), 0)::BIGINT AS own_bytes
FROM layer_contents l JOIN contents c USING (content)
GROUP BY number
