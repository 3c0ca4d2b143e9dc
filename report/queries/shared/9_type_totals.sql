-- name: type_totals
-- definition: Regular files of analyzed layers by group, type and what the type was told by, with the paper's
--   group, and the paper's type where it has one of its own.
CREATE OR REPLACE TEMP TABLE type_totals AS
SELECT
    coalesce(type_group, 'other') AS type_group,
    coalesce(type, 'unknown') AS type,
    method,
    coalesce(paper_group, 'Others') AS paper_group,
    CASE
        WHEN type_group = 'package' THEN 'deb_rpm'
        WHEN type_group = 'eol' AND type IN (
            'python_bytecode', 'terminfo', 'java_class', 'emacs_bytecode', 'erlang_beam', 'lua_bytecode',
            'ruby_bytecode', 'dex', 'llvm_bitcode'
        ) THEN 'bytecode'
        WHEN type_group = 'eol' AND (type = 'elf' OR starts_with(type, 'elf_')) THEN 'elf'
        WHEN type_group = 'eol' AND type IN ('pe', 'dos_executable') THEN 'pe'
        WHEN type_group = 'document' AND type IN ('xml', 'html') THEN 'xml_html'
        WHEN type_group = 'document' AND type IN ('pdf', 'postscript') THEN 'pdf_ps'
        WHEN type_group = 'text' AND type IN ('utf8', 'utf16') THEN 'utf'
        WHEN type_group = 'archive' AND type IN ('zip', 'gzip') THEN 'zip_gzip'
        WHEN type_group = 'database' AND type IN ('gdbm', 'ndbm') THEN 'ndbm'
        ELSE coalesce(type, 'unknown')
    END AS paper_type,
    count(*) AS files,
    sum(size_bytes)::BIGINT AS bytes
FROM files JOIN numbered_layers USING (layer) LEFT JOIN paper_groups USING (type_group)
WHERE is_analyzed AND is_last AND kind = 'file'
GROUP BY ALL
