"""The sample hub as a command of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.network import PREPARING
from registry.errors import ConfigurationError
from samplehub import Matching, Options, SearchOptions, Windows, build_hub, crowd, everywhere, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from samplehub import Hub

_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Wanted:
    """The hub that is served.

    Attributes:
        repositories: How many of a crowd without images; 0 for the sample hub.
        seed: Of the crowd.
        window: First offset that is refused, in rows; 0 for none.
        matching: What searches find.
    """

    repositories: int = 0
    seed: int = 0
    window: int = 0
    matching: Matching = Matching.TOKENS

    def build(self) -> Hub:
        """The hub."""
        return crowd(self.repositories, self.seed) if self.repositories else build_hub()

    def options(self) -> Options:
        """How it behaves."""
        windows = Windows(everywhere(self.window)) if self.window else Windows()
        return Options(search=SearchOptions(matching=self.matching), windows=windows)


async def serve_until_cancelled(port: int, wanted: Wanted, say: Callable[[str], None]) -> int:
    """Serve on loopback; ``ConfigurationError`` if the port cannot be had."""
    if not 0 <= port <= _LAST_PORT:
        raise ConfigurationError(f"--port {port} cannot be used: expected a number from 0 to {_LAST_PORT}")
    print(PREPARING, file=sys.stderr, flush=True)  # noqa: T201 - where it is, is told on stdout
    try:
        await run("127.0.0.1", port, say, wanted.build, wanted.options())
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on 127.0.0.1:{port} ({error.strerror}): name another port with --port"
        ) from error
    return 0
