-- name: file_types
-- section: files
-- title: Types of files in each group
-- paper: file types, level 3
-- metric: 41
-- figure: 16 17 18 19 20 21 22
-- kind: shares
-- unit: files
-- row: one regular file of one analyzed layer
-- definition: Its type, within the paper's group. Types that the paper takes together are together:
--   `bytecode`, `elf`, `pe`, `deb_rpm`, `xml_html`, `pdf_ps`, `utf`, `zip_gzip`, `ndbm`.
-- note: Which of the two crawls the published shares are of is not known.
-- s17: EOL.bytecode=64% EOL.bytecode.bytes=5% EOL.elf=30% EOL.elf.bytes=84% EOL.pe=2% EOL.pe.bytes=2%
--   EOL.coff=2% EOL.coff.bytes=0.5% EOL.library=0.4% EOL.library.bytes=4% EOL.deb_rpm=0.4%
--   EOL.deb_rpm.bytes=2% Documents.ascii=80% Documents.ascii.bytes=54% Documents.xml_html=13%
--   Documents.xml_html.bytes=18% Documents.utf=5% Documents.utf.bytes=17% Documents.pdf_ps=1%
--   Documents.pdf_ps.bytes=9% Documents.latex=1% Documents.latex.bytes=1% Source.c_cpp=80%
--   Source.c_cpp.bytes=80% Source.perl_module=9% Source.perl_module.bytes=11% Source.ruby_module=8%
--   Source.ruby_module.bytes=3% Archives.zip_gzip=96% Archives.zip_gzip.bytes=70% Archives.bzip2=1%
--   Archives.bzip2.bytes=2% Archives.tar=0.4% Archives.tar.bytes=2% Archives.xz=0.4% Archives.xz.bytes=3%
--   Scripts.python=54% Scripts.python.bytes=66% Scripts.shell=20% Scripts.shell.bytes=6% Scripts.ruby=10%
--   Scripts.ruby.bytes=5% Scripts.awk=4% Scripts.awk.bytes=13% Scripts.perl=4% Scripts.perl.bytes=5%
--   Scripts.php=4% Scripts.php.bytes=3% Images.png=67% Images.png.bytes=45% Images.svg=14%
--   Images.svg.bytes=14% Images.jpeg=5% Images.jpeg.bytes=20% Databases.berkeley_db=33%
--   Databases.berkeley_db.bytes=38% Databases.mysql=30% Databases.mysql.bytes=1% Databases.dbase=10%
--   Databases.dbase.bytes=1% Databases.ndbm=8% Databases.ndbm.bytes=0% Databases.sqlite=7%
--   Databases.sqlite.bytes=57%
SELECT paper_group AS series, paper_type AS label,
    sum(files)::BIGINT AS count, sum(bytes)::BIGINT AS size_bytes
FROM type_totals
GROUP BY series, label
ORDER BY series, count DESC, label
