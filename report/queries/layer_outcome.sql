-- name: layer_outcome
-- section: dataset
-- title: What became of each layer
-- paper: analysis outcome of layers
-- metric: 5
-- kind: shares
-- unit: layers
-- row: one distinct layer that was profiled or that a profiled image lists
-- definition: The status of its profile, and the reason in it. The classes add up to all layers.
-- s17: complete=91.16%
SELECT concat_ws(': ', n.status, l.reason) AS label, count(*) AS count
FROM numbered_layers n LEFT JOIN layers l USING (layer)
GROUP BY label
ORDER BY count DESC, label
