"""An account that turns out to be unusable on the way stops the run, and fails no image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry.errors import ConfigurationError
from tests.downloader.runs import crawl, images, opened, settings_of

if TYPE_CHECKING:
    from tests.downloader.servers import FakeRegistry


async def test_a_credential_helper_that_stops_working_stops_the_run(
    data: Path, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is for the user to repair, whereupon the next run goes on."""
    for name in ("a", "b"):
        fake.push(f"{name}@latest", b"layer")
    sentence = "docker-credential-x failed"

    async def broken(*_: object, **__: object) -> None:
        raise ConfigurationError(sentence)

    async with opened(data, fake.url) as bench:
        await crawl(bench.catalog, ["a", "b"])
        with monkeypatch.context() as patched:
            patched.setattr(bench.client._transport, "request", broken)
            assert (await bench.engine(settings_of()).run()).stopped == sentence
        assert images(data) == {"a:latest": "pending", "b:latest": "pending"}
        assert (await bench.engine(settings_of()).run()).stopped is None
    assert images(data) == {"a:latest": "done", "b:latest": "done"}
