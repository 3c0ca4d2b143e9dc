"""The sample hub as a command of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipeline.network import PREPARING
from registry.errors import ConfigurationError
from samplehub import run

if TYPE_CHECKING:
    from collections.abc import Callable

_LAST_PORT = 65_535


async def serve_until_cancelled(port: int, say: Callable[[str], None]) -> int:
    """Serve on loopback; ``ConfigurationError`` if the port cannot be had."""
    if not 0 <= port <= _LAST_PORT:
        raise ConfigurationError(f"--port {port} cannot be used: expected a number from 0 to {_LAST_PORT}")
    print(PREPARING, file=sys.stderr, flush=True)  # noqa: T201 - where it is, is told on stdout
    try:
        await run("127.0.0.1", port, say)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on 127.0.0.1:{port} ({error.strerror}): name another port with --port"
        ) from error
    return 0
