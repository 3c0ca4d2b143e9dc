"""Kinds of files: where each kind lies, what makes its content, and how large it usually is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from samplehub.content import archives, binary
from samplehub.content.entries import Entry
from samplehub.content.seeds import skewed_size, stream
from samplehub.content.text import LANGUAGES as TEXT_LANGUAGES
from samplehub.content.text import text
from samplehub.content.words import LANGUAGES, WORDS, ZONES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

TRIPLETS = {
    "amd64": "x86_64-linux-gnu",
    "386": "i386-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "arm64": "aarch64-linux-gnu",
    "s390x": "s390x-linux-gnu",
}

# Contents that depend on the machine they are for.
_NATIVE: dict[str, Callable[[Random, int, str], bytes]] = {
    "elf": binary.executable,
    "so": binary.shared_object,
    "o": binary.object_file,
    "a": archives.static_library,
}

_PORTABLE: dict[str, Callable[[Random, int], bytes]] = {
    **{language: partial(text, language=language) for language in TEXT_LANGUAGES},
    "exe": binary.pe_executable,
    "pyc": binary.python_bytecode,
    "class": binary.java_class,
    "png": binary.png,
    "gif": binary.gif,
    "jpeg": binary.jpeg,
    "ttf": binary.truetype,
    "pdf": binary.pdf,
    "ogg": binary.ogg,
    "mo": binary.message_catalog,
    "tzif": binary.time_zone,
    "terminfo": binary.terminfo,
    "bdb": binary.berkeley_db,
    "pem": binary.certificate,
    "noise": binary.noise,
    "gz": archives.gzip_file,
    "man.gz": archives.manual_page,
    "bz2": archives.bzip2_file,
    "xz": archives.xz_file,
    "tar": archives.tar_file,
    "tar.gz": archives.tar_gz_file,
    "zip": archives.zip_file,
    "jar": archives.jar,
    "deb": archives.debian_package,
    "sqlite": archives.sqlite_database,
    "empty": lambda _rng, _size: b"",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of file.

    Attributes:
        path: Template; ``{name}`` is the package, ``{w}`` a word, ``{n}`` a small number, ``{triplet}`` the
            machine, ``{lang}`` a language, ``{zone}`` a time zone.
        content: Name of a generator above.
        median_bytes: Median size.
        mode: Permission bits.
    """

    path: str
    content: str
    median_bytes: int
    mode: int = 0o644


SHAPES = {
    # of system packages
    "bin": Shape("usr/bin/{w}", "elf", 7500, 0o755),
    "main": Shape("usr/bin/{name}", "elf", 20_000, 0o755),
    "rootbin": Shape("bin/{name}", "elf", 60_000, 0o755),
    "daemon": Shape("usr/sbin/{name}", "elf", 70_000, 0o755),
    "sbin": Shape("usr/sbin/{w}", "elf", 7000, 0o755),
    "lib": Shape("usr/lib/{triplet}/lib{w}.so.{n}", "so", 11_000),
    "plugin": Shape("usr/lib/{triplet}/{name}/{w}.so", "so", 4500),
    "script": Shape("usr/bin/{w}-{w2}", "shell", 1800, 0o755),
    "init": Shape("etc/init.d/{name}", "shell", 2400, 0o755),
    "maint": Shape("var/lib/dpkg/info/{name}.postinst", "shell", 900, 0o755),
    "conf": Shape("etc/{name}/{w}.conf", "conf", 1100),
    "man": Shape("usr/share/man/man{n}/{w}.{n}.gz", "man.gz", 1700),
    "copyright": Shape("usr/share/doc/{name}/copyright", "licence", 2600),
    "changes": Shape("usr/share/doc/{name}/changelog.Debian.gz", "gz", 1900),
    "info": Shape("usr/share/info/{w}.info.gz", "gz", 9000),
    "locale": Shape("usr/share/locale/{lang}/LC_MESSAGES/{name}.mo", "mo", 5200),
    "zone": Shape("usr/share/zoneinfo/{zone}", "tzif", 1300),
    "terminfo": Shape("lib/terminfo/{w0}/{w}", "terminfo", 900),
    "perl": Shape("usr/share/perl5/{w}/{w2}.pm", "perl", 6500),
    "include": Shape("usr/include/{name}/{w}.h", "header", 3600),
    "static": Shape("usr/lib/{triplet}/lib{w}.a", "a", 30_000),
    "pkgconfig": Shape("usr/lib/{triplet}/pkgconfig/{w}.pc", "conf", 320),
    "data": Shape("usr/share/{name}/{w}.dat", "noise", 3000),
    "charset": Shape("usr/share/i18n/charmaps/{w}.gz", "gz", 4000),
    "cert": Shape("usr/share/ca-certificates/{name}/{w}.crt", "pem", 1500),
    "icon": Shape("usr/share/icons/{name}/{w}.png", "png", 1200),
    "font": Shape("usr/share/fonts/truetype/{name}/{w}.ttf", "ttf", 40_000),
    "docpage": Shape("usr/share/doc/{name}/html/{w}.html", "html", 4200),
    "example": Shape("usr/share/doc/{name}/examples/{w}.conf", "conf", 1500),
    "xmlfile": Shape("usr/share/xml/{name}/{w}.xml", "xml", 3300),
    "vim": Shape("usr/share/vim/vim90/syntax/{w}.vim", "conf", 4800),
    "stdpy": Shape("usr/lib/python3.11/{w}.py", "python", 9000),
    "stdpyc": Shape("usr/lib/python3.11/__pycache__/{w}.cpython-311.pyc", "pyc", 8000),
    "rubylib": Shape("usr/lib/ruby/3.1.0/{w}/{w2}.rb", "ruby", 3800),
    "deb": Shape("var/cache/apt/archives/{w}_1.{n}_all.deb", "deb", 9000),
    "list": Shape("var/lib/apt/lists/deb.debian.example_{w}_Packages", "conf", 30_000),
    # of applications, below the directory they are copied to
    "py": Shape("{w}.py", "python", 3900),
    "pyc": Shape("__pycache__/{w}.cpython-311.pyc", "pyc", 3700),
    "js": Shape("lib/{w}.js", "js", 2100),
    "minjs": Shape("dist/{w}.min.js", "js", 42_000),
    "rb": Shape("lib/{w}.rb", "ruby", 2300),
    "php": Shape("src/{w}.php", "php", 3400),
    "go": Shape("{w}.go", "go", 3500),
    "java": Shape("src/main/java/{w}/{w2}.java", "java", 3300),
    "jar": Shape("lib/{w}-1.{n}.jar", "jar", 40_000),
    "class": Shape("classes/{w}/{w2}.class", "class", 2500),
    "c": Shape("src/{w}.c", "c", 6800),
    "cpp": Shape("src/{w}.cc", "cpp", 5600),
    "h": Shape("src/{w}.h", "header", 2100),
    "o": Shape("build/{w}.o", "o", 9000),
    "makefile": Shape("Makefile", "make", 1600),
    "native": Shape("build/{w}.so", "so", 30_000),
    "readme": Shape("README.md", "text", 2900),
    "notice": Shape("NOTICE.txt", "utf8", 900),
    "alttext": Shape("docs/{w}.txt", "latin1", 1800),
    "licence": Shape("LICENSE", "licence", 1080),
    "package.json": Shape("package.json", "json", 1300),
    "json": Shape("{w}.json", "json", 900),
    "yaml": Shape("{w}.yml", "yaml", 700),
    "xml": Shape("{w}.xml", "xml", 2400),
    "html": Shape("{w}.html", "html", 3600),
    "css": Shape("css/{w}.css", "css", 5200),
    "svg": Shape("img/{w}.svg", "svg", 1900),
    "png": Shape("img/{w}.png", "png", 4100),
    "gif": Shape("img/{w}.gif", "gif", 1400),
    "jpg": Shape("img/{w}.jpg", "jpeg", 18_000),
    "ttf": Shape("fonts/{w}.ttf", "ttf", 38_000),
    "pdf": Shape("docs/{w}.pdf", "pdf", 15_000),
    "ogg": Shape("sounds/{w}.ogg", "ogg", 9000),
    "tex": Shape("docs/{w}.tex", "tex", 3000),
    "log": Shape("log/{w}.log", "log", 12_000),
    "sqlite": Shape("db/{w}.sqlite3", "sqlite", 30_000),
    "bdb": Shape("db/{w}.db", "bdb", 9000),
    "sql": Shape("db/{w}.sql", "sql", 16_000),
    "csv": Shape("data/{w}.csv", "csv", 24_000),
    "blob": Shape("data/{w}.bin", "noise", 70_000),
    "gz": Shape("data/{w}.gz", "gz", 12_000),
    "bz2": Shape("data/{w}.bz2", "bz2", 9000),
    "xz": Shape("data/{w}.xz", "xz", 9000),
    "zip": Shape("data/{w}.zip", "zip", 6000),
    "tar": Shape("data/{w}.tar", "tar", 12_000),
    "tgz": Shape("data/{w}.tar.gz", "tar.gz", 8000),
    "exe": Shape("tools/{w}.exe", "exe", 30_000, 0o755),
    "init.py": Shape("__init__.py", "empty", 0),
    "gitkeep": Shape("{w}/.gitkeep", "empty", 0),
    "app": Shape("{name}", "elf", 150_000, 0o755),
    "entry": Shape("docker-entrypoint.sh", "shell", 1600, 0o755),
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom files belong to, so to speak: the seed of their contents and the words of their paths.

    Attributes:
        name: Package or application.
        seed: The same seed gives the same files, in whatever image: duplicates across images come from here.
        arch: Of machine-dependent contents.
    """

    name: str
    seed: str
    arch: str = "amd64"


def files(bill: str, owner: Owner, below: str = "") -> Iterator[Entry]:
    """The files of a bill such as ``"main man:3 locale:8"``, below a directory.

    Paths and sizes depend on the owner's seed only; contents also on the machine where the kind does.
    """
    rng = stream("files", owner.seed, bill)
    taken: set[str] = set()
    for item in bill.split():
        kind, _, count = item.partition(":")
        for _ in range(int(count or 1)):
            yield _file(rng, SHAPES[kind], owner, below, taken)


def _file(rng: Random, shape: Shape, owner: Owner, below: str, taken: set[str]) -> Entry:
    path = _free_path(rng, shape.path, owner, taken)
    size, seed = skewed_size(rng, shape.median_bytes or 1), rng.getrandbits(64)
    return Entry(below + path, content(shape.content, stream(seed), size, owner.arch), shape.mode)


def _free_path(rng: Random, template: str, owner: Owner, taken: set[str]) -> str:
    """A path that this owner has no file at; after a few tries a number makes it unlike the others."""
    for attempt in range(100):
        word, second = rng.choices(WORDS, k=2)
        path = template.format(
            name=owner.name,
            w=word if attempt < 3 else f"{word}{attempt}",
            w0=word[0],
            w2=second,
            n=rng.randint(1, 8),
            triplet=TRIPLETS[owner.arch],
            lang=rng.choice(LANGUAGES),
            zone=rng.choice(ZONES),
        )
        if path not in taken:
            break
    taken.add(path)
    return path


def content(kind: str, rng: Random, size: int, arch: str = "amd64") -> bytes:
    """Content of a kind, for a machine."""
    if kind in _NATIVE:
        return _NATIVE[kind](rng, size, arch)
    return _PORTABLE[kind](rng, size)
