"""A registry of version 1, taken by the command line from the first stage to the last."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus.layout import Layout
from corpus.profiles.stream import read_image_profile
from pipeline.settings import SourceSettings
from pipeline.targets import Target, crawl_target, download_targets, recall, registry_named, remember
from registry.digests import Digest
from registry.errors import ConfigurationError
from tests.downloader.v1_server import FakeV1, serving_v1
from tests.pipeline.conftest import Ended


def tar(**files: str) -> bytes:
    """A tar of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    return buffer.getvalue()


@pytest.fixture
def fake() -> Iterator[FakeV1]:
    """A registry with three images, served while the test runs."""
    started: list[FakeV1] = []
    is_up = threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def run() -> None:
        async with serving_v1() as registry:
            base = registry.build(gzip.compress(tar(etc="a"), mtime=0), tar())
            registry.tag("library/base", base)
            registry.tag("library/app", registry.build(tar(app="b", lib="c"), parent=base))
            registry.tag("ours/nothing:dev", base)
            started.append(registry)
            is_up.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert is_up.wait(60)
    yield started[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(60)
    loop.close()


def status(hubcrawl: Callable[..., Ended]) -> Any:
    """What ``status --json`` says."""
    return json.loads(hubcrawl("status", "--json").out)


@pytest.mark.slow
def test_a_registry_is_crawled_downloaded_and_analyzed(hubcrawl: Callable[..., Ended], fake: FakeV1) -> None:
    """Later stages know its API from the first; a second time there is nothing to do."""
    host = fake.url.partition("://")[2]
    assert hubcrawl("crawl", "--registry", fake.url, "--registry-api", "v1").status == 0
    assert status(hubcrawl)["registries"] == {host: 3}
    assert hubcrawl("download", "--attempts", "1").status == 0
    ended = hubcrawl("analyze", "--processes", "1")
    assert ended.status == 0, ended.err
    counts = status(hubcrawl)
    assert counts["images"] == {"pending": 0, "done": 2, "failed": 1}
    assert counts["failures"] == {"no_tag": 1}
    assert counts["layers"]["done"] == 3
    assert counts["layers"]["pending"] == counts["image_profiles"]["pending"] == 0
    assert len(fake.layer_gets()) == 3
    asked = len(fake.asked)
    for command in ("crawl", "download", "analyze"):
        assert hubcrawl(command).out.startswith(f"{command}: nothing to do")
    assert len(fake.asked) == asked


@pytest.mark.slow
def test_the_profile_of_an_image_has_its_history_and_configuration(
    hubcrawl: Callable[..., Ended], fake: FakeV1, elsewhere: Path
) -> None:
    """They come from the JSONs of its ancestry, which are what schema 1 later called history."""
    hubcrawl("crawl", "--registry", fake.url, "--registry-api", "v1")
    hubcrawl("download")
    hubcrawl("analyze", "--processes", "1")
    layout = Layout(elsewhere / "data")
    profiles = [read_image_profile(path) for path in (layout.root / "profiles" / "images").rglob("*.zst")]
    profile = max(profiles, key=lambda each: each.totals.layers)
    assert len(profiles) == 2
    assert (profile.kind, profile.schema_version) == ("v1_image", 1)
    assert profile.configuration_status == "history"
    assert (profile.os, profile.architecture) == ("linux", "amd64")
    assert profile.configuration.environment == ("A=1",)
    assert [step.created_by for step in profile.history] == [
        f"/bin/sh -c #(nop) ADD layer {number}" for number in range(3)
    ]
    assert profile.history_matches
    assert profile.is_complete
    assert (profile.totals.layers, profile.totals.files, profile.totals.empty_layers) == (3, 3, 1)


@pytest.mark.slow
def test_a_wrong_password_is_one_sentence_and_the_right_one_takes_the_registry(
    hubcrawl: Callable[..., Ended], fake: FakeV1, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.account = "me:correct-horse"
    monkeypatch.setenv("HUBCRAWL_SOURCE_USERNAME", "me")
    monkeypatch.setenv("HUBCRAWL_SOURCE_PASSWORD", "wrong")
    ended = hubcrawl("crawl", "--registry", fake.url, "--registry-api", "v1")
    assert ended.status == 2
    assert "refuses the account given" in ended.err
    monkeypatch.setenv("HUBCRAWL_SOURCE_PASSWORD", "correct-horse")
    assert hubcrawl("crawl", "--registry", fake.url, "--registry-api", "v1").status == 0
    assert hubcrawl("download").status == 0
    assert status(hubcrawl)["images"]["done"] == 2


@pytest.mark.slow
def test_a_json_that_was_lost_is_missed_and_fetched_again(
    hubcrawl: Callable[..., Ended], fake: FakeV1, elsewhere: Path
) -> None:
    """It is part of every image above it, though no manifest of a registry says so."""
    hubcrawl("crawl", "--registry", fake.url, "--registry-api", "v1")
    hubcrawl("download")
    assert hubcrawl("verify").status == 0
    base = next(image for image in fake.images.values() if b"parent" not in image.raw)
    Layout(elsewhere / "data").blob(Digest.of(base.raw)).unlink()
    assert hubcrawl("verify").status == 1
    assert hubcrawl("verify", "--repair").status == 0
    assert status(hubcrawl)["images"]["pending"] == 2
    fake.asked.clear()
    assert hubcrawl("download").status == 0
    assert len(fake.layer_gets()) == 1
    assert hubcrawl("verify").status == 0


@pytest.mark.slow
def test_a_registry_without_search_can_be_taken_by_a_list(
    hubcrawl: Callable[..., Ended], fake: FakeV1, elsewhere: Path
) -> None:
    """Names without a host belong to it, and are reached by its API."""
    (elsewhere / "names.txt").write_text("library/app\nours/nothing:dev\n")
    urls = ("--registry", fake.url, "--registry-api", "v1", "--images", "names.txt")
    assert hubcrawl("crawl", *urls).status == 0
    assert hubcrawl("download").status == 0
    assert status(hubcrawl)["images"] == {"pending": 0, "done": 2, "failed": 0}
    assert not fake.count("/v1/search")


def test_the_api_is_remembered_with_the_registry() -> None:
    source = SourceSettings(registry="http://old:5000", registry_api="v1")
    target = crawl_target(source, [])
    assert target.is_v1
    assert remember(source) == "registry=http://old:5000 registry_api=v1"
    (later,) = download_targets(SourceSettings(), [target.registry])
    assert later.is_v1
    assert recall("registry=http://new:5000", SourceSettings()).registry_api == "v2"


def test_only_the_registry_named_speaks_version_1() -> None:
    """A host that a list names besides it is an ordinary one."""
    source = SourceSettings(registry="http://old:5000", registry_api="v1", images="names.txt")
    own = crawl_target(source, [])
    other = Target(registry_named("quay.io", own, []), source)
    assert own.ping_url == "http://old:5000/v1/_ping"
    assert own.login_url == "http://old:5000/v1/users/"
    assert not other.is_v1
    assert other.ping_url == other.login_url == "https://quay.io/v2/"


@pytest.mark.parametrize("chosen", [{"hub": "docker.io"}, {"hub": "sample"}, {}, {"images": "names.txt"}])
def test_version_1_is_for_a_registry_that_is_named(chosen: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="name it with --registry"):
        crawl_target(SourceSettings(**chosen, registry_api="v1"), [])  # type: ignore[arg-type]
