-- name: layer_ratio_classes
-- section: layers
-- title: Layers that compression does not help
-- paper: compression ratio near 1
-- metric: 32
-- kind: shares
-- unit: layers
-- row: one analyzed layer with bytes
-- definition: ALS / CLS below 1; from 1 to below 1.1; from there on.
-- s18: near_1=4%
SELECT
    CASE WHEN als_cls_ratio < 1 THEN 'below_1' WHEN als_cls_ratio < 1.1 THEN 'near_1'
        ELSE 'above' END AS label,
    count(*) AS count,
    sum(cls_bytes)::BIGINT AS size_bytes
FROM analyzed_layers
WHERE als_cls_ratio IS NOT NULL
GROUP BY label
ORDER BY count DESC, label
