-- name: contents
-- definition: One row per distinct content: occurrences over all analyzed layers (the repeat count), in how
--   many layers, bytes, its size, its type (where layers disagree, the first by name), the first layer in
--   random order, and whether two distinct images have it.
CREATE OR REPLACE TEMP TABLE contents AS
SELECT
    content,
    sum(c.files)::BIGINT AS files,
    count(*)::INTEGER AS layers,
    sum(c.bytes)::BIGINT AS bytes,
    max(c.size_bytes) AS size_bytes,
    min(c.type) AS type,
    min(number) AS first_layer,
    coalesce(min(first_image) < max(last_image), false) AS is_in_images
FROM layer_contents c JOIN numbered_layers USING (number)
GROUP BY content
