"""Analysers as somebody else would write and install them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from analyzer.analysers import Finding, MalformedFileError
from corpus.profiles.layer import Entry


class Secrets:
    """Reads files below ``etc/``; some of what they hold makes it misbehave."""

    name = "secrets"
    version = 1
    max_bytes = 1000
    endings: tuple[bytes, ...] = (b".secret-file",)
    folders: tuple[bytes, ...] = (b"etc/secrets/",)

    def wants(self, path: bytes) -> bool:
        if path.endswith(b"etc/secrets/poison"):
            raise RuntimeError("a fault of its own")
        return path.startswith(b"etc/")

    def analyse(self, _path: bytes, content: bytes) -> Iterator[Finding]:
        yield {"length": len(content)}
        if content == b"malformed":
            raise MalformedFileError("as its name says")
        if content == b"crash":
            raise KeyError("a fault of its own")
        if content == b"invalid":
            yield {"kind": "package", "name": "without a type"}
            yield {"value": object()}
            yield {"text": "x" * 100_000}
        if content == b"forged":
            yield {"analyser": "dpkg", "path": "elsewhere", "half": "\ud800"}
        while content == b"endless":
            yield {"text": "x" * 60_000}


class NewerSecrets(Secrets):
    """A later version of it."""

    version = 2

    def analyse(self, _path: bytes, content: bytes) -> Iterator[Finding]:
        yield {"first": content[:1].decode()}


class Everything:
    """Reads every file there is."""

    name = "everything"
    version = 1
    max_bytes = 1 << 20
    endings: tuple[bytes, ...] = ()
    folders: tuple[bytes, ...] = ()

    def wants(self, _path: bytes) -> bool:
        return True

    def analyse(self, _path: bytes, content: bytes) -> list[Finding]:
        return [{"last": content[-1]}]


class Rows:
    """Counts the rows of a layer."""

    name = "rows"
    version = 1

    def begin(self) -> Count:
        return Count()


class Count:
    """Of one layer; it breaks off at a chosen path."""

    def __init__(self) -> None:
        self.rows = 0

    def entries(self, rows: Sequence[Entry]) -> None:
        for row in rows:
            if row.path == "etc/secrets/breaks-rows":
                raise RuntimeError("a fault of its own")
            self.rows += 1

    def result(self) -> list[dict[str, Any]]:
        return [{"rows": self.rows}]


class Nameless(Secrets):
    """Not one: its name is none."""

    name = "No Name!"


def install(folder: Path, **analysers: str) -> None:
    """As an installer would: with metadata that name the entry points of a package."""
    metadata = folder / "plugin-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    points = "\n".join(f"{name} = {target}" for name, target in analysers.items())
    (metadata / "entry_points.txt").write_text(f"[hubcrawl.analysers]\n{points}\n")
