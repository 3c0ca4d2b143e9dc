-- name: image_age
-- section: images
-- title: Age of images when fetched
-- paper: created
-- metric: 26
-- kind: distribution
-- unit: days
-- axis: log
-- row: one distinct image
-- definition: Days from when the image says it was created until it was first fetched; none where it does not
--   say, or says a time before 2013, when there were no images, or later than it was fetched.
SELECT
    CASE WHEN created_at >= TIMESTAMP '2013-01-01' AND created_at <= fetched_at
        THEN date_diff('second', created_at, fetched_at) // 86400 END AS value,
    is_official
FROM distinct_images JOIN numbered_images USING (manifest_digest)
