"""What a verification finds, counted by kind: pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Enough to see what happened; a lost disk has millions.
_EXAMPLES = 5


class Kind(StrEnum):
    """What can be wrong with a store."""

    MISSING = "missing"  # the catalog has the blob, the store has not
    TRUNCATED = "truncated"  # shorter than recorded, and not the bytes of its name
    CORRUPT = "corrupt"  # the bytes do not hash to the name
    UNREADABLE = "unreadable"  # the disk, or the rights: nothing is known about the bytes
    ORPHANED = "orphaned"  # the right bytes, which the catalog does not have
    FOREIGN = "foreign"  # no file of ours, or left behind
    INDEX = "index"  # index.json does not list what the catalog has
    CATALOG = "catalog"  # the database is damaged


# Blobs that are not what the catalog says: to be fetched again.
LOST = frozenset({Kind.MISSING, Kind.TRUNCATED, Kind.CORRUPT})


@dataclass(frozen=True, slots=True)
class Tally:
    """Findings of one kind.

    Attributes:
        count: How many.
        bytes: Their size together: of the files found; of a missing blob, as recorded.
        examples: The first of them: digests, or paths relative to the data directory.
    """

    count: int = 0
    bytes: int = 0
    examples: Sequence[str] = ()

    def with_another(self, name: str, size_bytes: int) -> Tally:
        """The tally with one finding more."""
        examples = self.examples if len(self.examples) == _EXAMPLES else (*self.examples, name)
        return Tally(self.count + 1, self.bytes + size_bytes, examples)


@dataclass(slots=True)
class Findings:
    """Everything found so far, in memory of a fixed size."""

    by_kind: dict[Kind, Tally] = field(default_factory=dict)

    def add(self, kind: Kind, name: str, size_bytes: int) -> None:
        """Count one."""
        self.by_kind[kind] = self.by_kind.get(kind, Tally()).with_another(name, size_bytes)


@dataclass(frozen=True, slots=True)
class VerifySummary:
    """What a verification found, and did about it.

    Attributes:
        blobs: Blobs read and hashed.
        bytes: Bytes read of them.
        found: By kind; kinds that were not found are left out.
        is_repair: It was to mend what it finds.
        is_beside_a_stage: Somebody was at work: only what the catalog has was looked at.
        requeued: Images made pending again, because something of them is to be fetched.
        stopped: What a repair could not mend.
    """

    blobs: int
    bytes: int
    found: Mapping[Kind, Tally]
    is_repair: bool
    is_beside_a_stage: bool
    requeued: int = 0
    stopped: str | None = None


def why_withheld(there: int, looked_for: int) -> str | None:
    """Why nothing is to be mended where so little is there; ``None`` if a repair may begin.

    A disk that is not mounted must not be taken for the loss of all that is on it.
    """
    if 2 * there >= looked_for:
        return None
    return (
        f"only {there:,} of {looked_for:,} blobs are where they should be, so nothing was touched: mount the "
        "disk that has them; what is left of a lost one can be put into a new census"
    )


def why_unmended(found: Mapping[Kind, Tally]) -> str | None:
    """What of these no program can mend, in a sentence; ``None`` if there is nothing."""
    if Kind.CATALOG in found:
        return "the catalog is damaged, so nothing was touched: restore it from a backup"
    if Kind.UNREADABLE in found:
        return "some blobs cannot be read: see to the disk, or to their permissions, and run it again"
    return None
