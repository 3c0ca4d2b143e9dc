"""Names: what a text is, by its extension or its whole name, and the few binary formats without a mark.

Extensions follow github-linguist's ``languages.yml`` (MIT); where several languages share one, the one
that is common in container images is taken.
"""

from __future__ import annotations

from corpus.profiles.groups import Group

_SOURCE, _SCRIPT, _DOCUMENT, _TEXT = Group.SOURCE, Group.SCRIPT, Group.DOCUMENT, Group.TEXT


def _table(rows: dict[tuple[Group, str], str]) -> dict[bytes, tuple[Group, str]]:
    return {name.encode(): kind for kind, names in rows.items() for name in names.split()}


# Of a text, by what follows the last dot of its name, in lower case.
TEXT_EXTENSIONS = _table(
    {
        (_SOURCE, "c_cpp"): "c h cc cpp cxx hpp hh hxx inl ipp tcc cu cuh",
        (_SOURCE, "objective_c"): "m mm",
        (_SOURCE, "perl_module"): "pm",
        (_SOURCE, "ruby_module"): "rbi rbs",
        (_SOURCE, "pascal"): "pas pp dpr",
        (_SOURCE, "fortran"): "f for f77 f90 f95 f03 f08",
        (_SOURCE, "lisp"): "lisp lsp cl el scm rkt clj cljs cljc",
        (_SOURCE, "java"): "java",
        (_SOURCE, "go"): "go",
        (_SOURCE, "rust"): "rs",
        (_SOURCE, "csharp"): "cs",
        (_SOURCE, "kotlin"): "kt kts",
        (_SOURCE, "scala"): "scala sbt",
        (_SOURCE, "swift"): "swift",
        (_SOURCE, "haskell"): "hs lhs",
        (_SOURCE, "ocaml"): "ml mli",
        (_SOURCE, "erlang"): "erl hrl",
        (_SOURCE, "elixir"): "ex exs",
        (_SOURCE, "cython"): "pyx pxd pxi",
        (_SOURCE, "assembler"): "s asm",
        (_SOURCE, "protobuf"): "proto",
        (_SOURCE, "sql"): "sql",
        (_SOURCE, "d"): "d di",
        (_SOURCE, "vala"): "vala vapi",
        (_SOURCE, "zig"): "zig",
        (_SOURCE, "rpc"): "x",
        (_SOURCE, "dart"): "dart",
        (_SOURCE, "julia"): "jl",
        (_SOURCE, "nim"): "nim nims",
        (_SOURCE, "ada"): "adb ads",
        (_SOURCE, "basic"): "bas vb",
        (_SCRIPT, "python"): "py pyi pyw",
        (_SCRIPT, "shell"): "sh bash zsh ksh csh fish",
        (_SCRIPT, "perl"): "pl ph perl t",
        (_SCRIPT, "ruby"): "rb gemspec rake",
        (_SCRIPT, "php"): "php phtml",
        (_SCRIPT, "node"): "js mjs cjs jsx",
        (_SCRIPT, "typescript"): "ts tsx mts cts",
        (_SCRIPT, "coffeescript"): "coffee",
        (_SCRIPT, "awk"): "awk",
        (_SCRIPT, "tcl"): "tcl tk tm",
        (_SCRIPT, "lua"): "lua",
        (_SCRIPT, "r"): "r",
        (_SCRIPT, "make"): "mk mak",
        (_SCRIPT, "m4"): "m4 ac",
        (_SCRIPT, "cmake"): "cmake",
        (_SCRIPT, "powershell"): "ps1 psm1 psd1",
        (_SCRIPT, "batch"): "bat cmd",
        (_SCRIPT, "vim"): "vim",
        (_SCRIPT, "groovy"): "groovy gradle",
        (_DOCUMENT, "html"): "html htm xhtml",
        (_DOCUMENT, "xml"): "xml xsd xsl xslt rng dtd ent pom wsdl glade ui xmi",
        (_DOCUMENT, "latex"): "tex sty cls ltx bib dtx",
        (_DOCUMENT, "markdown"): "md markdown mdown",
        (_DOCUMENT, "restructuredtext"): "rst",
        (_DOCUMENT, "asciidoc"): "adoc asciidoc",
        (_DOCUMENT, "pod"): "pod",
        (_DOCUMENT, "troff"): "roff tmac",
        (_DOCUMENT, "sgml"): "sgml sgm",
        (_DOCUMENT, "texinfo"): "texi texinfo",
        (_DOCUMENT, "css"): "css scss sass less",
        (_TEXT, "json"): "json jsonl ndjson geojson map webmanifest ipynb",
        (_TEXT, "yaml"): "yaml yml",
        (_TEXT, "toml"): "toml",
        (_TEXT, "csv"): "csv tsv",
        (_TEXT, "ini"): "ini cfg conf properties service desktop",
        (_TEXT, "gettext"): "po pot",
        (_TEXT, "diff"): "diff patch",
        (Group.IMAGE, "svg"): "svg",
        (Group.IMAGE, "xbm"): "xbm",
        (Group.FONT, "afm"): "afm",
        (Group.KEY, "pem"): "pem crt",
    }
)

# Of a text, by its whole name.
TEXT_NAMES = _table(
    {
        (_SCRIPT, "make"): "Makefile makefile GNUmakefile",
        (_SCRIPT, "cmake"): "CMakeLists.txt",
        (_SCRIPT, "ruby"): "Rakefile Gemfile",
        (_SCRIPT, "m4"): "configure.in",
        (_SCRIPT, "dockerfile"): "Dockerfile Containerfile",
    }
)

# Of data without a signature, by extension.
DATA_EXTENSIONS = _table(
    {
        (Group.EOL, "coff"): "obj",
        (Group.EOL, "python_bytecode"): "pyc pyo",
        (Group.ARCHIVE, "brotli"): "br",
        (Group.MEDIA, "mp3"): "mp3",
        (Group.DATABASE, "dbase"): "dbf",
        (Group.DATABASE, "mysql"): "frm myd myi ibd",
        (Group.DATABASE, "ndbm"): "pag",
        (Group.FONT, "tfm"): "tfm",
        (Group.KEY, "der"): "der crt cer",
        (Group.IMAGE, "tga"): "tga",
    }
)

# Of a script, by the interpreter its first line names, without version and path.
INTERPRETERS = _table(
    {
        (_SCRIPT, "shell"): "sh bash dash zsh ksh csh tcsh fish ash busybox rbash",
        (_SCRIPT, "python"): "python pypy",
        (_SCRIPT, "perl"): "perl",
        (_SCRIPT, "ruby"): "ruby jruby",
        (_SCRIPT, "php"): "php",
        (_SCRIPT, "node"): "node nodejs deno bun",
        (_SCRIPT, "awk"): "awk gawk mawk nawk",
        (_SCRIPT, "tcl"): "tclsh wish expect",
        (_SCRIPT, "lua"): "lua luajit",
        (_SCRIPT, "make"): "make",
        (_SCRIPT, "r"): "Rscript",
        (_SCRIPT, "guile"): "guile",
        (_SCRIPT, "sed"): "sed",
        (_SCRIPT, "groovy"): "groovy",
        (_SCRIPT, "powershell"): "pwsh",
        (_SCRIPT, "openrc"): "openrc-run runscript",
    }
)

# Of a text, by the mode that its first line names to Emacs, as in ``-*- C++ -*-``, in lower case.
MODES = _table(
    {
        (_SOURCE, "c_cpp"): "c c++",
        (_SOURCE, "fortran"): "fortran f90",
        (_SOURCE, "lisp"): "lisp emacs-lisp scheme",
        (_SCRIPT, "awk"): "awk",
        (_SCRIPT, "make"): "makefile makefile-gmake",
        (_SCRIPT, "m4"): "autoconf m4",
        (_SCRIPT, "perl"): "perl cperl",
        (_SCRIPT, "python"): "python",
        (_SCRIPT, "ruby"): "ruby",
        (_SCRIPT, "shell"): "sh shell-script",
        (_SCRIPT, "tcl"): "tcl",
        (_DOCUMENT, "latex"): "latex tex",
        (_DOCUMENT, "troff"): "nroff",
        (_DOCUMENT, "xml"): "xml nxml",
    }
)
