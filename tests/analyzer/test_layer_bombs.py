"""Bombs: small blobs that decode to very much end at a budget, early and in little memory."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import zlib
from functools import cache
from typing import TYPE_CHECKING

import pytest
import zstandard

from analyzer.layers.inflate import _output_budget
from analyzer.settings import LayerLimits
from corpus.profiles.layer import LayerReason, LayerStatus
from tests.analyzer.test_layer_hostile import FIRST, block, extension, octal, pax

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.analyzer.conftest import Profile

MIB = 1024 * 1024
_PIECE = bytes(MIB)


def _gzip(compressor: zlib._Compress, size: int) -> bytes:
    """A member of ``size`` zeros behind a first entry, whatever the size in constant memory."""
    head = compressor.compress(FIRST)
    return head + b"".join(compressor.compress(_PIECE) for _ in range(size // MIB)) + compressor.flush()


@cache
def gzip_bomb(size: int = 256 * MIB) -> bytes:
    """Zeros, 1,029 to 1."""
    return _gzip(zlib.compressobj(9, wbits=31), size)


@cache
def zstd_bomb(size: int = 1024 * MIB) -> bytes:
    """Zeros, about 30,000 to 1."""
    compressor = zstandard.ZstdCompressor(19).compressobj(size=len(FIRST) + size)
    pieces = [compressor.compress(FIRST), *(compressor.compress(_PIECE) for _ in range(size // MIB))]
    return b"".join(pieces) + compressor.flush()


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": gzip_bomb,
    "gzip, members": lambda: gzip_bomb(8 * MIB) * 32,
    "zstd": zstd_bomb,
    "bzip2": lambda: bz2.compress(FIRST + bytes(64 * MIB), 9),
    "xz": lambda: lzma.compress(FIRST + bytes(64 * MIB), preset=0),
}
BUDGETS = {
    "output": (LayerLimits(max_tar_bytes=32 * MIB), LayerReason.OUTPUT, 32 * MIB),
    "expansion": (
        LayerLimits(max_expansion=2, unjudged_tar_bytes=16 * MIB),
        LayerReason.EXPANSION,
        16 * MIB,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_at_its_budget(profile: Profile, bomb: str, budget: str) -> None:
    """What is decoded is the budget to the byte; the rows before it are kept, the blob is hashed whole."""
    limits, reason, size = BUDGETS[budget]
    found = profile(BOMBS[bomb](), limits=limits)
    assert (found.status, found.reason, found.als_bytes) == (LayerStatus.BOMB, reason, size)
    assert [row.path for row in found.entries] == ["first"]
    assert (found.blob_ok, found.diffid) == (True, None)


@pytest.mark.slow
def test_the_bombs_are_what_they_are_called() -> None:
    """A zstd bomb of 1 to 30,000, and a gzip bomb near the limit of deflate."""
    assert 1024 * MIB / len(zstd_bomb()) > 28_000
    assert 256 * MIB / len(gzip_bomb()) > 1000


@pytest.mark.parametrize(
    ("blob_bytes", "budget", "reason"),
    [
        (1, 32 << 30, LayerReason.EXPANSION),
        (30 << 20, 1100 * (30 << 20), LayerReason.EXPANSION),
        (1 << 30, 128 << 30, LayerReason.OUTPUT),
    ],
)
def test_default_budgets(blob_bytes: int, budget: int, reason: LayerReason) -> None:
    """Expansion is judged above 32 GiB only, beyond the largest tar that is known; deflate passes always."""
    assert _output_budget(blob_bytes, LayerLimits()) == (budget, reason)
    assert LayerLimits().max_expansion > 1032


@pytest.mark.parametrize("read_bytes", [512, 1 << 20])
def test_the_budget_of_expansion_does_not_depend_on_reads(profile: Profile, read_bytes: int) -> None:
    """The whole blob counts, not what was read of it so far."""
    limits = LayerLimits(max_expansion=3, unjudged_tar_bytes=0)
    blob = gzip.compress(FIRST * 40 + bytes(20_000), mtime=0)
    found = profile(blob, limits=limits, read_bytes=read_bytes)
    assert (found.reason, found.als_bytes) == (LayerReason.EXPANSION, 3 * len(blob))


NAMES = {
    "GNU name": extension(b"L", b"n" * 300 + b"\0") + block(),
    "GNU link": extension(b"K", b"n" * 300 + b"\0") + block(type_=b"2"),
    "pax name": pax(path=b"n" * 300) + block(),
    "pax link": pax(linkpath=b"n" * 300) + block(type_=b"1"),
    "sparse name": pax(
        GNU__sparse__major=b"1",
        GNU__sparse__minor=b"0",
        GNU__sparse__realsize=b"0",
        GNU__sparse__name=b"n" * 300,
    )
    + block(size=octal(512))
    + b"0\n".ljust(512, b"\0"),
    "global": extension(b"g", b"311 path=" + b"n" * 301 + b"\n") + block(),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_beyond_its_limit_ends_the_layer(profile: Profile, name: str) -> None:
    """Path length is bounded by a setting; up to it a long name is only flagged."""
    tar = FIRST + NAMES[name] + bytes(1024)
    found = profile(tar, limits=LayerLimits(max_name_bytes=299))
    assert (found.status, found.reason) == (LayerStatus.BOMB, LayerReason.NAME)
    assert [row.path for row in found.entries] == ["first"]
    assert profile(tar, limits=LayerLimits(max_name_bytes=301)).status is LayerStatus.COMPLETE


_MEASURE = """
import json, re, sys
from pathlib import Path
from analyzer.layers.profile import profile_layer
from analyzer.settings import LayerLimits
from registry.digests import Digest
blob = Path(sys.argv[1])
summary = profile_layer(blob, Digest.parse(sys.argv[2]), "", blob.with_name("profile"), LayerLimits())
status = Path("/proc/self/status").read_text()  # getrusage would count what the process before exec took
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]) * 1024
print(json.dumps([peak, summary.status, summary.als_bytes]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_gibibyte_of_zeros_takes_little_memory(tmp_path: Path, form: str) -> None:
    """A worker that reads 1 GiB of zeros, as one file or behind the end, stays below 200 MB."""
    size = 1024 * MIB
    header = block(b"zeros", size=octal(size))
    if form == "gzip":
        compressor = zlib.compressobj(1, wbits=31)
        pieces = [compressor.compress(header), *(compressor.compress(_PIECE) for _ in range(1025))]
    else:
        packer = zstandard.ZstdCompressor(1).compressobj()
        pieces = [packer.compress(header), *(packer.compress(_PIECE) for _ in range(1025))]
    path = tmp_path / "blob"
    path.write_bytes(b"".join(pieces) + (compressor if form == "gzip" else packer).flush())
    command = [sys.executable, "-c", _MEASURE, str(path), "sha256:" + "0" * 64]
    run = subprocess.run(command, capture_output=True, check=True, text=True)
    peak, status, als = json.loads(run.stdout)
    assert (status, als) == (LayerStatus.COMPLETE, 512 + 1025 * MIB)
    assert peak < 200_000_000
