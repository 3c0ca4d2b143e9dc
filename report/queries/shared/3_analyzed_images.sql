-- name: analyzed_images
-- definition: The distinct images whose layers are all analyzed: those that all distributions of images are
--   of.
CREATE OR REPLACE TEMP VIEW analyzed_images AS
SELECT n.image, n.is_official, n.fetched_at, i.*
FROM distinct_images i JOIN numbered_images n USING (manifest_digest)
WHERE i.is_complete
