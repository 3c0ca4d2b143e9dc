"""The sample hub as a command of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import ConfigurationError
from samplehub import run

if TYPE_CHECKING:
    from collections.abc import Callable


async def serve_until_cancelled(port: int, say: Callable[[str], None]) -> int:
    """Serve on loopback; ``ConfigurationError`` if the port cannot be had."""
    try:
        await run("127.0.0.1", port, say)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on 127.0.0.1:{port} ({error.strerror}): name another port with --port"
        ) from error
    return 0
