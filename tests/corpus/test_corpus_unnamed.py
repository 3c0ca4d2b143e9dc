"""Bytes whose digest nobody told: hashed as they come, and resumed only where a note vouches for them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus import unnamed
from corpus.unnamed import Sums, UnnamedReceiver, Version
from registry.digests import Digest

DATA = bytes(range(256)) * 40
VERSION = Version(len(DATA), '"v1"')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "unnamed-x"


def note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def content(path: Path) -> bytes:
    return path.read_bytes()


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def move(path: Path, name: str) -> None:
    path.rename(path.with_name(name))


def left_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def copy(path: Path, name: str) -> Path:
    """What would lie there if the process died now."""
    target = path.with_name(name)
    target.write_bytes(path.read_bytes())
    note_of(target).write_bytes(note_of(path).read_bytes())
    return target


async def gather(path: Path, data: bytes, version: Version | None = VERSION) -> None:
    """Take the first bytes, and end there."""
    async with UnnamedReceiver(path) as receiver:
        receiver.restart(version)
        await receiver.write(data)


async def offset_of(path: Path) -> int:
    """How many bytes the next receiver takes up."""
    async with UnnamedReceiver(path) as receiver:
        return receiver.offset


async def test_the_digest_is_that_of_all_bytes_and_of_them_behind_the_prefix(path: Path) -> None:
    async with UnnamedReceiver(path, b"{}\n") as receiver:
        receiver.restart(VERSION)
        for start in range(0, len(DATA), 999):
            await receiver.write(DATA[start : start + 999])
        assert await receiver.finish() == Sums(Digest.of(DATA), Digest.of(b"{}\n" + DATA))
        assert content(path) == DATA
        move(path, "taken")
    assert left_in(path.parent) == ["taken"]


async def test_without_a_prefix_only_the_bytes_are_hashed(path: Path) -> None:
    async with UnnamedReceiver(path) as receiver:
        receiver.restart(None)
        assert await receiver.finish() == Sums(Digest.of(b""), None)
        assert content(path) == b""


async def test_what_is_whole_and_was_not_taken_is_not_kept(path: Path) -> None:
    async with UnnamedReceiver(path) as receiver:
        receiver.restart(VERSION)
        await receiver.write(DATA)
        await receiver.finish()
    assert not left_in(path.parent)


async def test_the_next_receiver_goes_on_where_one_ended(path: Path) -> None:
    await gather(path, DATA[:5000])
    async with UnnamedReceiver(path, b"p") as receiver:
        assert (receiver.offset, receiver.version) == (5000, VERSION)
        await receiver.write(DATA[5000:])
        assert await receiver.finish() == Sums(Digest.of(DATA), Digest.of(b"p" + DATA))
        assert content(path) == DATA


async def test_a_version_that_cannot_be_recognised_leaves_nothing(path: Path) -> None:
    await gather(path, DATA[:5000], None)
    assert not left_in(path.parent)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(bytes(5000)), id="zeros, as a power cut leaves them"),
        pytest.param(lambda path: path.write_bytes(DATA[:4999]), id="a file cut short"),
        pytest.param(lambda path: path.unlink(), id="no file"),
        pytest.param(lambda path: note_of(path).unlink(), id="no note"),
        pytest.param(lambda path: note_of(path).write_bytes(b"\0" * 40), id="a note of zeros"),
        pytest.param(lambda path: note_of(path).write_bytes(b'{"offset":1}'), id="half a note"),
        pytest.param(lambda path: note_of(path).write_bytes(b'"\xff"'), id="a note that is no text"),
    ],
)
async def test_bytes_that_no_note_vouches_for_are_dropped(
    path: Path, damage: Callable[[Path], object]
) -> None:
    await gather(path, DATA[:5000])
    damage(path)
    assert await offset_of(path) == 0
    assert not left_in(path.parent)


async def test_bytes_behind_those_noted_are_dropped(path: Path) -> None:
    await gather(path, DATA[:5000])
    add(path, b"half a batch")
    assert await offset_of(path) == 5000
    assert content(path) == DATA[:5000]


async def test_a_new_version_begins_anew(path: Path) -> None:
    await gather(path, DATA[:5000])
    async with UnnamedReceiver(path) as receiver:
        receiver.restart(Version(3))
        await receiver.write(b"abc")
        assert (await receiver.finish()).digest == Digest.of(b"abc")


async def test_a_note_is_written_on_the_way_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed leaves all but the last few bytes to the next one."""
    monkeypatch.setattr(unnamed, "_BATCH_BYTES", 1000)
    monkeypatch.setattr(unnamed, "_NOTE_EVERY_BYTES", 3000)
    async with UnnamedReceiver(path) as receiver:
        receiver.restart(VERSION)
        for start in range(0, 8000, 500):
            await receiver.write(DATA[start : start + 500])
        died = copy(path, "copy")
    assert await offset_of(died) == 6000


async def test_whoever_is_cancelled_while_a_thread_writes_waits_for_it(path: Path) -> None:
    """The bytes written are those noted."""
    is_open = asyncio.Event()

    async def take() -> None:
        async with UnnamedReceiver(path) as receiver:
            receiver.restart(Version(8 << 20))
            is_open.set()
            for _ in range(8):
                await receiver.write(bytes(1 << 20))

    task = asyncio.create_task(take())
    await is_open.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    offset = await offset_of(path)
    assert len(content(path)) == offset if offset else not left_in(path.parent)


@given(cuts=st.lists(st.integers(0, len(DATA)), max_size=5), prefix=st.none() | st.binary(max_size=9))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wherever_it_breaks_off_the_digests_are_those_of_the_whole(
    path: Path, cuts: list[int], prefix: bytes | None
) -> None:
    async def take() -> Sums:
        for cut in sorted(cuts):
            async with UnnamedReceiver(path, prefix) as receiver:
                if receiver.version is None:
                    receiver.restart(VERSION)
                await receiver.write(DATA[receiver.offset : cut])
        async with UnnamedReceiver(path, prefix) as receiver:
            await receiver.write(DATA[receiver.offset :])
            return await receiver.finish()

    digests = asyncio.run(take())
    assert digests.digest.encoded == hashlib.sha256(DATA).hexdigest()
    assert digests.prefixed == (None if prefix is None else Digest.of(prefix + DATA))
