-- name: top_layers
-- section: layers
-- title: The layers that most images have
-- paper: top layers by references
-- metric: 36
-- kind: table
-- unit: images
-- row: one layer
-- definition: The twenty distinct layers that most distinct images list.
SELECT layer, reference_count AS images, blob_bytes AS cls_bytes,
    coalesce(l.files, 0) AS files, coalesce(l.is_empty, false) AS is_empty
FROM numbered_layers n LEFT JOIN layers l USING (layer)
WHERE reference_count > 0
ORDER BY reference_count DESC, layer
LIMIT 20
