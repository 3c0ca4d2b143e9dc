"""Content digests, ``algorithm:encoded`` (OCI image-spec, descriptor.md#digests)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from hashlib import _Hash

_GRAMMAR = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+", re.ASCII)

# Algorithms that hashlib computes, with the length of their lower-case hexadecimal form.
_HEX_LENGTH = {"sha256": 64, "sha384": 96, "sha512": 128}


class Digest(str):
    """A digest whose grammar was checked, so that it may become a file name.

    It *is* its text, so it goes into JSON, SQL and log lines as it is.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check ``text`` against the grammar; ``ValueError`` says what is wrong with it."""
        if not _GRAMMAR.fullmatch(text):
            raise ValueError(f"not a digest: {text[:100]!r}")
        algorithm, _, encoded = text.partition(":")
        length = _HEX_LENGTH.get(algorithm)
        if length is not None and not re.fullmatch(f"[0-9a-f]{{{length}}}", encoded):
            raise ValueError(f"not a {algorithm} digest: {text[:150]!r}")
        return cls(text)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Self:
        """The digest of ``data``."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """``sha256`` and the like."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The part after the colon: lower-case hexadecimal for every registered algorithm."""
        return self.partition(":")[2]

    @property
    def is_verifiable(self) -> bool:
        """Whether :meth:`hasher` can compute this algorithm."""
        return self.algorithm in _HEX_LENGTH

    def hasher(self) -> _Hash:
        """A fresh hash object of this digest's algorithm."""
        return hashlib.new(self.algorithm)


def digest_or_none(text: str | None) -> Digest | None:
    """What a header says, if that is a digest."""
    try:
        return Digest.parse(text or "")
    except ValueError:
        return None


# Gzipped empty tar, 32 bytes: the "empty layer" of schema 1, the most shared layer of the paper.
EMPTY_LAYER = Digest("sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4")
