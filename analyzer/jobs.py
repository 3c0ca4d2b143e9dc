"""What a worker is given to do, and what it gives back.

Everything here goes through pickle, perhaps to another machine: plain values and functions of modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from dataclasses import Field
    from pathlib import Path

    from corpus.profiles.layer import LayerReason
    from corpus.records import ProfileOutcome


@dataclass(frozen=True, slots=True)
class Profiled:
    """Profiles that wait under their temporary names to be committed, and what the catalog keeps of them."""

    targets: tuple[Path, ...]
    outcome: ProfileOutcome


class Batch(Protocol):
    """A dataclass of tasks that are done in one go."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def tasks(self) -> Sequence[Any]:
        """The tasks, none of which depends on another."""
        ...


AnyBatch = TypeVar("AnyBatch", bound=Batch)


@dataclass(frozen=True, slots=True)
class Job(Generic[AnyBatch]):
    """One kind of work.

    Attributes:
        event: What the log calls its end.
        profile: Profiles every task of a batch; ``OSError`` only for the disk.
        give_up: The same without looking at what is hostile in it: what is left to say of tasks that workers
            are lost over, and why.
    """

    event: str
    profile: Callable[[AnyBatch], list[Profiled]]
    give_up: Callable[[LayerReason, AnyBatch], list[Profiled]]
