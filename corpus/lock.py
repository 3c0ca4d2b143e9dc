"""One writer per data directory."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus.layout import Layout


@contextmanager
def exclusive(layout: Layout) -> Iterator[None]:
    """Hold the data directory for this process; ``ConfigurationError`` if another one holds it.

    The kernel releases the lock with the process, however it ends, so a stale lock cannot exist.
    """
    with layout.lock.open("r+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"another hubcrawl (process {file.read().strip() or 'unknown'}) is working on {layout.root}: "
                "wait for it to end, or name another directory with --data",
            ) from error
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.seek(0)
        file.truncate()


def is_held(layout: Layout) -> bool:
    """Whether the process named in the lock lives. Taking the lock to find out could turn away a stage."""
    try:
        os.kill(int(layout.lock.read_text(encoding="ascii")), 0)
    except PermissionError:
        return True  # it lives, and belongs to somebody else
    except (OSError, ValueError):
        return False
    return True
