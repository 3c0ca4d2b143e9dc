"""The time that one layer may take."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from analyzer.layers.faults import LayerFault
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterator


class Deadline:
    """The moment at which the reading of a layer has to end; ``None`` seconds are without end."""

    def __init__(self, seconds: float | None = None) -> None:
        self._at = None if seconds is None else monotonic() + seconds

    def check(self) -> None:
        """:class:`LayerFault` once the time is over."""
        if self._at is not None and monotonic() >= self._at:
            raise LayerFault(LayerReason.TIMEOUT)

    def bound(self, windows: Iterator[bytes]) -> Iterator[bytes]:
        """The same windows, up to that moment."""
        for window in windows:
            self.check()
            yield window
