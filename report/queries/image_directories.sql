-- name: image_directories
-- section: images
-- title: Directories of an image
-- paper: directory count of images
-- metric: 23
-- figure: 11
-- kind: distribution
-- series: sum merged
-- unit: directories
-- axis: log
-- row: one analyzed image
-- definition: Directories below the root, implied parents included: of its distinct layers, added up (sum);
--   in the file system that a container sees (merged).
-- s17: sum.p50=296 sum.p90=7344 sum.max=1168160
-- s18: sum.p50=3326 sum.p90=9692
-- curve: sum=dir_count.image
SELECT 'sum' AS series, directories AS value, is_official FROM analyzed_images
UNION ALL SELECT 'merged', merged_directories, is_official FROM analyzed_images
