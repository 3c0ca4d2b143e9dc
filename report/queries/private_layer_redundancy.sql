-- name: private_layer_redundancy
-- section: layers
-- title: Repeated files in shared and private layers
-- paper: shared, private layers
-- metric: 35
-- kind: distribution
-- series: shared private
-- unit: share
-- axis: linear
-- histogram: 0 1.05 0.05
-- row: one analyzed layer with regular files that an image lists
-- definition: Of its regular files those whose content another layer has too (inter_strict, by files): of
--   layers that several distinct images list (shared), and of those that one does (private).
SELECT
    CASE WHEN reference_count > 1 THEN 'shared' ELSE 'private' END AS series,
    strict_files / files AS value,
    is_official
FROM layer_redundancy JOIN numbered_layers USING (number)
WHERE reference_count > 0
