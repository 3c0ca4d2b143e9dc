"""Layers made in memory, profiled through the front door, and read back."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from analyzer.layers.profile import profile_layer
from analyzer.settings import LayerLimits
from corpus.profiles.stream import commit, read_layer_profile
from registry.digests import Digest
from tests import corpora

if TYPE_CHECKING:
    from corpus.profiles.layer import LayerProfile


class Profile(Protocol):
    """Profiles the bytes of a blob."""

    def __call__(
        self,
        blob: bytes,
        *,
        media_type: str = "",
        digest: Digest | None = None,
        limits: LayerLimits | None = None,
        read_bytes: int = 65536,
    ) -> LayerProfile: ...


class MakeTar(Protocol):
    """A tar with one member for each ``(name, content or attributes)``."""

    def __call__(
        self, *members: tuple[str, bytes | dict[str, Any]], form: int = tarfile.GNU_FORMAT
    ) -> bytes: ...


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Profile a blob, commit the profile and read it back whole."""
    folder = tmp_path_factory.mktemp("layers")

    def run(
        blob: bytes,
        *,
        media_type: str = "",
        digest: Digest | None = None,
        limits: LayerLimits | None = None,
        read_bytes: int = 65536,
    ) -> LayerProfile:
        path, target = folder / "blob", folder / "profile.json.zst"
        path.write_bytes(blob)
        summary = profile_layer(
            path,
            digest or Digest.of(blob),
            media_type,
            target,
            limits or LayerLimits(),
            read_bytes=read_bytes,
        )
        commit([target])
        found = read_layer_profile(target)
        assert found.status == summary.status
        return found

    return run


@pytest.fixture(scope="session")
def make_tar() -> MakeTar:
    """Write a tar with ``tarfile``; a name that ends in '/' is a directory."""

    def run(*members: tuple[str, bytes | dict[str, Any]], form: int = tarfile.GNU_FORMAT) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
            for name, what in members:
                info, content = tarfile.TarInfo(name), b""
                if name.endswith("/"):
                    info.type = tarfile.DIRTYPE
                if isinstance(what, bytes):
                    content = what
                else:
                    for attribute, value in what.items():
                        setattr(info, attribute, value)
                info.size = len(content) or info.size
                archive.addfile(info, io.BytesIO(content))
        return buffer.getvalue()

    return run


@pytest.fixture(scope="session")
def go_corpus() -> Path:
    """The tar files of Go's own tests."""
    return corpora.folder("tar-go")
