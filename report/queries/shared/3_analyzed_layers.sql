-- name: analyzed_layers
-- definition: The layers whose profile is complete: those that all distributions of layers and files are of.
CREATE OR REPLACE TEMP VIEW analyzed_layers AS
SELECT n.number, n.reference_count, n.is_official, l.*
FROM layers l JOIN numbered_layers n USING (layer)
WHERE n.is_analyzed
