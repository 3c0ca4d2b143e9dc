"""The memory of a worker process: what it may take, and what is kept back for an orderly end.

The limit is on private writable memory (``RLIMIT_DATA``; getrlimit(2)), and not on address space, most of
which libraries only reserve. A system that does not hold processes to it, such as macOS, has no limit.
"""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the limit, what is open to the reading of a layer. The rest is for the tables and sums of one whose
# reading met the limit: about as much as a quarter of what was gathered.
_FOR_READING = 3 / 4


def limit_memory(limit_bytes: int) -> None:
    """Hold this process to ``limit_bytes``; beyond it allocations fail (``MemoryError``)."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (int(limit * _FOR_READING), limit))


@contextmanager
def reserve() -> Iterator[None]:
    """All of the limit, for the time of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
