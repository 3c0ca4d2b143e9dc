-- name: layer_depth
-- section: layers
-- title: Directory depth of layers
-- paper: layer depth
-- metric: 34
-- figure: 7
-- kind: distribution
-- series: max median mean min
-- unit: levels
-- axis: linear
-- histogram: 0 31 1
-- row: one analyzed layer
-- definition: The deepest of its directories below the root (max, the depth of the layer); also the
--   shallowest, the mean and the median. 0 without any.
-- s17: max.p50=4 max.p90=10 max.mode=3 max.max=444
-- s18: max.p50=4 max.p90=11 max.p99=19
-- curve: max=layer_depth.layer
SELECT 'max' AS series, max_depth AS value, is_official FROM analyzed_layers
UNION ALL SELECT 'median', median_depth, is_official FROM analyzed_layers
UNION ALL SELECT 'mean', mean_depth, is_official FROM analyzed_layers
UNION ALL SELECT 'min', min_depth, is_official FROM analyzed_layers
