"""Randomness that is the same in every process: one independent stream per name."""

from __future__ import annotations

from hashlib import blake2b
from random import Random

EPOCH = 1_700_000_000  # 2023-11-14T22:13:20Z, unix s: "today" of the sample hub, so that no date ever changes


def stream(*names: object) -> Random:
    """A random stream that depends on ``names`` only (seeding by ``str`` does not use ``hash()``)."""
    return Random("/".join(map(str, names)))  # noqa: S311 - invented file contents, not secrets


def skewed_size(rng: Random, median_bytes: int) -> int:
    """A file size with the long tail of real files: log-normal, sigma 1.1 (mean about 1.8 medians)."""
    return max(1, min(int(median_bytes * rng.lognormvariate(0, 1.1)), 12 * median_bytes))


def share_of(*names: object) -> float:
    """A number from 0 to less than 1 that depends on ``names`` only; cheaper than a stream."""
    data = "/".join(map(str, names)).encode(errors="replace")
    return int.from_bytes(blake2b(data, digest_size=6).digest(), "big") / 2**48
