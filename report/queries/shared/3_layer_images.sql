-- name: layer_images
-- definition: Which layer, by number, is in which distinct image; once each, however often the image lists
--   it.
CREATE OR REPLACE TEMP TABLE layer_images AS
SELECT DISTINCT number, image
FROM image_layers JOIN numbered_images USING (manifest_digest) JOIN numbered_layers USING (layer)
