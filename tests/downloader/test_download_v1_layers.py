"""Layers of a registry of version 1, which no digest names: resumed, bounded, held against what is told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from corpus.unnamed import Version
from downloader.v1_layers import Part
from registry.errors import Reason
from tests.downloader.runs import files, images, one_turn, select
from tests.downloader.servers import (
    FakeRegistry,
    Responder,
    chunked,
    cut,
    endless,
    hang_up,
    refuse,
    truncated,
    whole,
)
from tests.downloader.v1_runs import blob, document_of, download_v1, engine_v1
from tests.downloader.v1_server import FakeV1, sent, serving_v1

LAYER = bytes(range(256)) * 100
SIZE = len(LAYER)


@pytest.fixture
async def fake() -> AsyncIterator[FakeV1]:
    async with serving_v1() as registry:
        yield registry


@pytest.fixture
def top(fake: FakeV1) -> str:
    """The id of the one image of ``a/b``, of one layer without a checksum."""
    image_id = fake.tag("a/b", fake.build(LAYER))
    fake.images[image_id].checksums = []
    return image_id


async def result(data: Path, fake: FakeV1, **settings: object) -> str | None:
    """What became of ``a/b`` in a run that does not wait for better times."""
    await download_v1(data, fake.url, "a/b", **({"retry_wait_s": 0} | settings))
    return images(data)["a/b:latest"]


def layer_in(data: Path) -> bytes:
    """The layer that was stored for ``a/b``."""
    (entry,) = document_of(data, "a/b:latest")["ancestry"]
    return blob(data, entry["layer"]["digest"])


def gathered(data: Path) -> list[bytes]:
    """What is under way."""
    paths = [path for path in (data / "partial").iterdir() if path.suffix != ".json"]
    return [path.read_bytes() for path in paths]


async def test_a_body_that_breaks_off_is_resumed(fake: FakeV1, top: str, data: Path) -> None:
    """By a range of what is missing, closed, as docker-registry 0.9 can serve it."""
    fake.script_layer(top, cut(SIZE // 3))
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER
    assert fake.sent_bytes == SIZE
    assert fake.asked[-1].range == f"bytes={SIZE // 3}-{SIZE - 1}"


async def test_a_run_goes_on_where_an_earlier_one_was_stopped(fake: FakeV1, top: str, data: Path) -> None:
    fake.script_layer(top, cut(SIZE // 3), always=hang_up)
    assert await result(data, fake) == Reason.NETWORK
    assert len(files(data / "partial")) == 2
    fake.script_layer(top)
    assert await result(data, fake, retry_failed=True) == "done"
    assert layer_in(data) == LAYER
    assert fake.sent_bytes == SIZE
    assert not files(data / "partial")


@pytest.mark.parametrize(
    ("responder", "fetched"),
    [
        pytest.param(whole(), SIZE, id="200 instead of 206"),
        pytest.param(refuse(416), SIZE, id="a range refused by 416"),
        pytest.param(refuse(400), SIZE, id="a range refused by 400"),
    ],
)
async def test_a_server_without_ranges_is_asked_for_all(
    fake: FakeV1, top: str, data: Path, responder: Responder, fetched: int
) -> None:
    fake.script_layer(top, cut(1000), responder)
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER
    assert fake.sent_bytes == 1000 + fetched


def ranged(content_range: str, body: bytes, **headers: str) -> Responder:
    """This part, whatever was asked for."""

    async def respond(registry: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.Response:
        return sent(registry, 206, body, {"Content-Range": content_range, **headers})

    return respond


@pytest.mark.parametrize(
    "responder",
    [
        pytest.param(ranged(f"bytes 0-9/{SIZE}", b"x" * 10), id="another part"),
        pytest.param(ranged(f"1000-{SIZE}/{SIZE + 1}", b"x" * 10), id="of a longer layer"),
        pytest.param(ranged("nonsense", b"x" * 10), id="nobody knows what"),
        pytest.param(ranged(f"1000-{SIZE - 1}/{SIZE}", b"x" * 10, ETag='"new"'), id="of another version"),
        pytest.param(ranged(f"1000-{SIZE - 1}/{SIZE}", LAYER[1000:] + b"more"), id="more than asked for"),
    ],
)
async def test_a_part_of_something_else_is_not_taken_for_the_rest(
    fake: FakeV1, top: str, data: Path, responder: Responder
) -> None:
    fake.script_layer(top, cut(1000), responder)
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER


async def test_a_part_that_ends_too_early_is_gone_on_with(fake: FakeV1, top: str, data: Path) -> None:
    fake.script_layer(top, cut(1000), ranged(f"1000-{SIZE - 1}/{SIZE}", LAYER[1000:2000]))
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER
    assert fake.sent_bytes == SIZE


def beginning(etag: str) -> Responder:
    """1,000 bytes of a layer of this version, and no more."""

    async def respond(_: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"ETag": etag, "Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[:1000])
        assert request.transport is not None
        request.transport.close()
        return response

    return respond


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(whole(body=LAYER[::-1]), id="the server knows If-Range"),
        pytest.param(
            ranged(f"1000-{SIZE - 1}/{SIZE}", LAYER[::-1][1000:], ETag='"new"'), id="it does not, and tells"
        ),
    ],
)
async def test_a_layer_that_was_replaced_is_taken_from_its_beginning(
    fake: FakeV1, top: str, data: Path, other: Responder
) -> None:
    """Of two versions none is put together, though they are of one length."""
    fake.script_layer(top, beginning('"old"'), other, whole(body=LAYER[::-1]))
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER[::-1]


async def test_a_layer_without_a_length_is_taken_from_its_beginning(
    fake: FakeV1, top: str, data: Path
) -> None:
    """It could not be told from another one."""
    fake.script_layer(top, chunked(1000), chunked())
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER
    assert fake.sent_bytes == 1000 + SIZE
    assert {asked.range for asked in fake.asked} == {None}


async def test_a_body_without_end_is_bounded(fake: FakeV1, top: str, data: Path) -> None:
    fake.script_layer(top, always=endless)
    assert await result(data, fake, max_blob_bytes=1 << 20) == Reason.TOO_LARGE
    assert not files(data / "partial")


@pytest.mark.parametrize(
    ("responder", "reason"),
    [
        (truncated(1000), Reason.SIZE_MISMATCH),
        (chunked(1000), Reason.SIZE_MISMATCH),
        (cut(0), Reason.NETWORK),
    ],
)
async def test_a_truncated_layer_is_noticed(
    fake: FakeV1, top: str, data: Path, responder: Responder, reason: Reason
) -> None:
    """One that ends at the same byte again and again is all that the registry has."""
    fake.script_layer(top, always=responder)
    assert await result(data, fake) == reason
    assert not select(data, "select * from v1_layers")
    assert not files(data / "blobs")
    assert not files(data / "partial")


async def test_of_a_layer_that_cannot_be_had_nothing_is_left(fake: FakeV1, top: str, data: Path) -> None:
    """Not even while the run has others to come back to, for which it keeps what it gathered."""
    fake.script_layer(top, always=truncated(1000))
    waiting = fake.tag("a/c", fake.build(b"y" * 100))
    fake.script_layer(waiting, always=cut(10))
    await download_v1(data, fake.url, "a/b", "a/c", retry_wait_s=0, blob_attempts=1)
    fake.script_layer(waiting, always=hang_up)
    await download_v1(data, fake.url, "a/b", "a/c", retry_wait_s=0, retry_failed=True)
    assert images(data) == {"a/b:latest": Reason.SIZE_MISMATCH, "a/c:latest": Reason.NETWORK}
    assert {len(content) for content in gathered(data)} == {10}


async def test_a_body_that_only_a_lost_connection_ends_is_held_against_the_size_told(
    fake: FakeV1, top: str, data: Path
) -> None:
    """HTTP/1.0 without a length: nothing else tells a whole one from one that broke off."""

    async def respond(_: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + data[: cuts.pop()])
        request.transport.close()
        raise ConnectionResetError

    cuts = [SIZE, 1000]
    fake.script_layer(top, respond, respond)
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER
    assert not cuts


async def test_a_checksum_of_the_registry_is_held_against_what_came(fake: FakeV1, data: Path) -> None:
    """Wrong bytes are asked for once more, since a cache on the way may be broken."""
    top = fake.tag("a/b", fake.build(LAYER))
    fake.script_layer(top, whole(body=LAYER[::-1]))
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER
    assert len(fake.layer_gets()) == 2


async def test_wrong_bytes_are_never_kept(fake: FakeV1, data: Path) -> None:
    top = fake.tag("a/b", fake.build(LAYER))
    fake.images[top].layer = LAYER[::-1]
    assert await result(data, fake) == Reason.DIGEST_MISMATCH
    assert len(fake.layer_gets()) == 2
    assert not files(data / "blobs")
    assert not files(data / "partial")


@pytest.mark.parametrize(
    "checksums",
    [
        pytest.param([f"tarsum+sha256:{'0' * 64}"], id="a tarsum is none of the bytes"),
        pytest.param([f"sha256:{hashlib.sha256(LAYER).hexdigest()}"], id="some servers leave the JSON out"),
        pytest.param(["md5:0", f"sha256:{hashlib.sha256(LAYER).hexdigest()}"], id="one of several"),
        pytest.param(["sha256:short", "nonsense", ""], id="no checksum at all"),
    ],
)
async def test_only_a_sha256_can_contradict_the_bytes(
    fake: FakeV1, top: str, data: Path, checksums: list[str]
) -> None:
    fake.images[top].checksums = checksums
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER


async def test_a_resumed_layer_is_held_against_its_checksum_as_a_whole(fake: FakeV1, data: Path) -> None:
    top = fake.tag("a/b", fake.build(LAYER))
    fake.script_layer(top, cut(1000), always=hang_up)
    assert await result(data, fake) == Reason.NETWORK
    fake.script_layer(top)
    assert await result(data, fake, retry_failed=True) == "done"
    assert fake.sent_bytes == SIZE


async def test_a_run_that_is_interrupted_leaves_a_layer_to_be_resumed(
    fake: FakeV1, top: str, data: Path
) -> None:
    is_half, is_over = asyncio.Event(), asyncio.Event()

    async def stall(registry: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(SIZE)})
        await response.prepare(request)
        await response.write(data[: SIZE // 2])
        registry.sent_bytes += SIZE // 2
        is_half.set()
        await is_over.wait()
        return response

    fake.script_layer(top, stall)
    async with engine_v1(data, fake.url, ["a/b"]) as engine:
        run = asyncio.create_task(engine.run())
        await is_half.wait()
        while engine.statistics().bytes_done < SIZE // 2:
            await one_turn()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    is_over.set()
    assert images(data) == {"a/b:latest": "pending"}
    assert await result(data, fake) == "done"
    assert layer_in(data) == LAYER
    assert fake.sent_bytes == SIZE


def test_a_part_is_asked_for_by_its_end_and_its_version() -> None:
    """An open range of docker-registry 0.9 is one byte too long; ``If-Range`` guards the version."""
    assert Part(Version(100), 7).headers() == {"Range": "bytes=7-99"}
    assert Part(Version(100, '"v"'), 7).headers() == {"Range": "bytes=7-99", "If-Range": '"v"'}
