"""A large blob in several parts at a time: whatever a host does it comes, and no other blob waits for it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from corpus.blobs import BlobStore
from corpus.layout import Layout
from downloader.ranges import PartHosts, Parts
from downloader.receive import receive_blob
from downloader.wanted import Means
from registry.client import RegistryClient
from registry.descriptors import Descriptor
from registry.digests import Digest
from registry.errors import Reason, RegistryError
from tests.downloader.runs import files, one_turn
from tests.downloader.servers import FakeRegistry, Responder, cut, honest, part, refuse, serving, whole

MIB = 1 << 20
KIB = 1 << 10
LARGE = b"".join(hashlib.sha256(number.to_bytes(4)).digest() * 32 for number in range(8 << 10)) + b"odd"
FIRST = f"bytes=0-{MIB - 1}"  # what is asked for first
PARTS = Parts(parallel=4, from_bytes=MIB, smallest_bytes=256 * KIB, largest_bytes=MIB)


@dataclass
class Large:
    """Fetches one large blob, by several connections.

    Attributes:
        most: Parts on their way at the same time, at most, as the server sees it.
        received_bytes: That the last fetch took.
    """

    fake: FakeRegistry
    client: RegistryClient
    layout: Layout
    hosts: PartHosts = field(default_factory=PartHosts)
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))
    data: bytes = LARGE
    most: int = 0
    received_bytes: int = 0
    _now: int = 0

    async def fetch(self, *, attempts: int = 4) -> int:
        descriptor = Descriptor("", self.digest, len(self.data))
        means = Means(attempts, 1 << 30, PARTS, self.slots, self.hosts)
        store = BlobStore(self.layout)
        try:
            fetch = receive_blob(store, self.client, "a/b", descriptor, means)
            return await asyncio.wait_for(fetch, 30)
        finally:
            self.received_bytes = store.received_bytes

    async def fails(self) -> RegistryError:
        with pytest.raises(RegistryError) as caught:
            await self.fetch()
        return caught.value

    @property
    def digest(self) -> Digest:
        return Digest.of(self.data)

    @property
    def ranges(self) -> list[str | None]:
        return [asked.range for asked in self.fake.asked]

    def holds(self) -> bool:
        return self.layout.blob(self.digest).read_bytes() == self.data and not files(self.layout.partial)

    def script(self, *responders: Responder, always: Responder = honest) -> None:
        """Answer by these, each after some turns of the loop, so that parts are on their way together."""
        self.fake.script_blob(self.digest, *map(self._counted, responders), always=self._counted(always))

    def _counted(self, responder: Responder) -> Responder:
        async def respond(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
            self._now += 1
            self.most = max(self.most, self._now)
            for _ in range(20):
                await one_turn()
            try:
                return await responder(fake, request, data)
            finally:
                self._now -= 1

        return respond


@pytest.fixture
def large(fake: FakeRegistry, client: RegistryClient, layout: Layout) -> Large:
    large = Large(fake, client, layout)
    fake.blobs[large.digest] = LARGE
    return large


async def test_a_large_blob_comes_by_several_connections(large: Large) -> None:
    """Each byte once, in closed ranges, and no more connections than are wanted."""
    large.script()
    assert await large.fetch() == len(LARGE)
    assert large.holds()
    assert large.most == 4
    assert large.ranges[0] == FIRST
    assert None not in large.ranges
    assert large.fake.sent_bytes == len(LARGE)


async def test_the_first_part_shows_whether_more_may_be_asked_for(large: Large) -> None:
    """Until then a host is asked once; the next blob from there is divided at once."""
    large.script(always=refuse(503))
    await large.fails()
    assert large.most == 1
    large.hosts.note("sample", "127.0.0.1", serves=True)
    large.script()
    await large.fetch()
    assert large.most == 4


@pytest.mark.parametrize(("slots", "most"), [(0, 1), (1, 2), (8, 4)])
async def test_more_connections_take_free_slots_only_and_give_them_back(
    large: Large, slots: int, most: int
) -> None:
    """The blob's own slot is not among them."""
    large.slots = asyncio.Semaphore(slots)
    large.script()
    await large.fetch()
    assert large.most == most
    assert large.slots._value == slots


async def test_a_blob_that_waits_for_a_slot_gets_one_before_the_large_one_is_done(large: Large) -> None:
    """Each connection but the first leaves after its part."""
    large.slots = asyncio.Semaphore(1)
    seen = list[int]()

    async def another() -> None:
        while large.most < 2:
            await one_turn()
        async with large.slots:
            seen.append(large.fake.sent_bytes)

    large.script()
    await asyncio.gather(large.fetch(), another())
    assert seen[0] < len(LARGE) - MIB
    assert large.holds()


async def test_a_host_that_sends_all_instead_of_a_part_is_taken_at_its_word(large: Large) -> None:
    """Nothing is asked for again, and the next blob is asked for in one piece."""
    large.script(always=whole())
    await large.fetch()
    assert large.ranges == [FIRST]
    assert large.holds()
    assert large.hosts.serves("sample") is False
    large.layout.blob(large.digest).unlink()
    await large.fetch()
    assert large.ranges[1:] == [None]


async def test_a_host_that_calls_all_of_it_a_part_is_taken_at_its_word(large: Large) -> None:
    """The first range brings the whole file (distribution/distribution#4667)."""
    large.script(always=part(f"bytes 0-{len(LARGE) - 1}/{len(LARGE)}", LARGE))
    await large.fetch()
    assert large.ranges == [FIRST]
    assert large.holds()


@pytest.mark.parametrize(
    "refusal",
    [
        refuse(400),
        refuse(403),
        refuse(416),
        refuse(501),
        part(f"bytes 1-{MIB}/{len(LARGE)}", LARGE[1 : MIB + 1]),
        part(f"bytes 0-{MIB - 1}/{len(LARGE) + 1}", LARGE[:MIB]),
        part("bytes 1*2/3", LARGE[:MIB]),
        part("", LARGE[:MIB]),
    ],
    ids=["400", "403", "416", "501", "another part", "of another whole", "malformed", "no Content-Range"],
)
@pytest.mark.parametrize("honest_before", [0, 3])
async def test_a_host_that_refuses_parts_is_asked_for_the_rest_in_one_piece(
    large: Large, refusal: Responder, honest_before: int
) -> None:
    """Also when it changes its mind half way; the next blob is not divided any more."""

    async def unless_ranged(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        ranged = request.headers.get("Range")
        return await (refusal if ranged else honest)(fake, request, data)

    large.script(*[honest] * honest_before, always=unless_ranged)
    await large.fetch()
    assert large.holds()
    assert large.hosts.serves("sample") is False
    assert large.fake.sent_bytes <= len(LARGE) + 8 * MIB
    large.layout.blob(large.digest).unlink()
    before = len(large.ranges)
    await large.fetch()
    assert large.ranges[before:] == [None]


async def test_a_host_whose_parts_are_others_than_it_says_is_found_out(large: Large) -> None:
    """The digest tells; in one piece the bytes are right, so it was the parts."""

    async def lying(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        return await honest(fake, request, data if request.headers.get("Range") is None else data[::-1])

    large.script(always=lying)
    await large.fetch()
    assert large.holds()
    assert large.ranges[-1] is None
    assert large.hosts.serves("sample") is False


async def test_wrong_bytes_in_parts_and_in_one_piece_are_wrong(large: Large) -> None:
    """Two tries, as of any blob; and nothing is held against the host's parts."""

    async def wrong(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        return await honest(fake, request, data[::-1])

    large.script(always=wrong)
    error = await large.fails()
    assert (error.reason, error.temporary) == (Reason.DIGEST_MISMATCH, False)
    assert files(large.layout.partial) == {}
    assert large.ranges.count(None) == 1
    assert large.hosts.serves("sample") is True


async def test_a_part_longer_than_it_says_is_found_out(large: Large) -> None:
    """It would run into the next one."""

    async def long(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        if request.headers.get("Range") is None:
            return await honest(fake, request, data)
        start, end = map(int, request.headers["Range"].removeprefix("bytes=").split("-"))
        return await part(f"bytes {start}-{end}/{len(data)}", data[start : end + 2])(fake, request, data)

    large.script(always=long)
    await large.fetch()
    assert large.holds()
    assert large.ranges[-1] is None


async def test_connections_that_break_off_are_resumed_where_they_did(large: Large) -> None:
    """Each brings its bytes; whoever asks next asks for what is missing."""
    large.script(*[cut(300 * KIB)] * 3)
    await large.fetch(attempts=5)
    assert large.holds()
    assert large.fake.sent_bytes <= len(LARGE) + 3 * 300 * KIB
    assert large.slots._value == 8


async def test_a_part_that_ends_early_without_a_word_is_no_whole_part(large: Large) -> None:
    """Its Content-Range promised less than was asked for, and kept it."""

    async def short(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        start, end = map(int, request.headers["Range"].removeprefix("bytes=").split("-"))
        last = max(start, end - 100)
        return await part(f"bytes {start}-{last}/{len(data)}", data[start : last + 1])(fake, request, data)

    large.script(*[short] * 3)
    await large.fetch(attempts=5)
    assert large.holds()
    assert large.fake.sent_bytes == len(LARGE)


async def test_a_host_that_sends_a_byte_per_part_is_given_up(large: Large) -> None:
    """It keeps what each Content-Range says, and would go on for ever."""

    async def crumb(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        start = int(request.headers["Range"].removeprefix("bytes=").partition("-")[0])
        return await part(f"bytes {start}-{start}/{len(data)}", data[start : start + 1])(fake, request, data)

    large.script(always=crumb)
    error = await large.fails()
    assert (error.reason, error.temporary) == (Reason.NETWORK, True)
    assert len(large.ranges) <= 4 + 4


async def up_to_the_end(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
    """More than was asked for, and honest about it."""
    start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
    return await part(f"bytes {start}-{len(data) - 1}/{len(data)}", data[start:])(fake, request, data)


@pytest.mark.parametrize("responder", [whole(), up_to_the_end], ids=["all", "up to the end"])
async def test_a_host_that_sends_more_while_parts_are_on_their_way_is_not_read_several_times(
    large: Large, responder: Responder
) -> None:
    """The other connections are broken off first."""
    large.script(*[honest] * 3, always=responder)
    await large.fetch()
    assert large.holds()
    assert large.received_bytes <= 1.5 * len(LARGE)


async def test_parts_that_are_read_one_by_one_may_end_early_too(large: Large) -> None:
    """What came is kept, and the rest of the gap asked for again."""
    islands((0, MIB), (2 * MIB, 3 * MIB), (5 * MIB, len(LARGE)))(large)
    large.hosts.note("sample", "127.0.0.1", serves=False)
    large.script(part(f"bytes {MIB}-{MIB + 9}/{len(LARGE)}", LARGE[MIB : MIB + 10]))
    await large.fetch()
    assert large.holds()
    assert large.fake.sent_bytes == 3 * MIB


async def test_a_host_that_always_breaks_off_is_given_up_and_what_came_stays(large: Large) -> None:
    """As many tries as for a blob in one piece, over all connections together."""
    large.script(always=cut(1000))
    error = await large.fails()
    assert (error.reason, error.temporary) == (Reason.NETWORK, True)
    assert len(large.ranges) <= 4 + 4
    assert large.slots._value == 8
    large.script()
    large.fake.sent_bytes = 0
    await large.fetch()
    assert large.holds()
    assert large.fake.sent_bytes < len(LARGE)


async def test_a_blob_that_is_denied_says_nothing_about_parts(large: Large) -> None:
    """Asked for in one piece it is denied as well."""
    large.script(always=refuse(403))
    assert (await large.fails()).reason is Reason.DENIED
    assert large.ranges == [FIRST, None]
    assert large.hosts.serves("sample") is None


async def test_a_blob_that_is_not_there_is_not_there_in_parts_either(large: Large) -> None:
    """One request tells."""
    large.script(always=refuse(404, "BLOB_UNKNOWN"))
    assert (await large.fails()).reason is Reason.BLOB_MISSING
    assert len(large.ranges) == 1
    assert large.hosts.serves("sample") is None


async def test_a_straggler_is_broken_off_and_asked_for_again(large: Large) -> None:
    """One connection hangs while the others bring part after part."""
    hung = list[str]()
    never = asyncio.Event()

    async def hang(_fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        asked = request.headers["Range"]
        start, end = map(int, asked.removeprefix("bytes=").split("-"))
        hung.append(asked)
        response = web.StreamResponse(status=206)
        response.content_length = end + 1 - start
        response.headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        await response.prepare(request)
        await response.write(data[start : start + 100])
        await never.wait()
        return response

    large.script(honest, hang)
    await large.fetch()
    assert large.holds()
    assert len(hung) == 1
    first = int(hung[0].removeprefix("bytes=").partition("-")[0])
    resumed = [asked for asked in large.ranges if asked and asked.startswith(f"bytes={first + 100}-")]
    assert len(resumed) == 1


async def test_a_signed_url_that_runs_out_half_way_is_asked_for_again(large: Large) -> None:
    """Every part is asked for at the registry, and a store that refuses an old address gets a new one."""
    async with serving(FakeRegistry(blobs={large.digest: LARGE})) as store:
        number = itertools.count()
        fresh = set[str]()

        async def redirect(_fake: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.Response:
            signed = f"{store.url}/v2/cdn/blobs/{large.digest}?Signature={next(number)}%2F"
            fresh.add(signed)
            return web.Response(status=307, headers={"Location": signed})

        large.script(always=redirect)
        store.script_blob(large.digest, honest, refuse(403), honest, refuse(403), repository="cdn")
        await large.fetch()
        assert large.hosts.serves("sample") is True
        assert store.sent_bytes == len(LARGE)
        assert len(fresh) == len(store.asked)
    assert large.holds()


def islands(*spans: tuple[int, int]) -> Callable[[Large], None]:
    """Leave what another process brought: these bytes, and a map of them."""

    def leave(large: Large) -> None:
        path = large.layout.partial_blob(large.digest)
        content = bytearray(max(end for _, end in spans))
        for start, end in spans:
            content[start:end] = large.data[start:end]
        path.write_bytes(content)
        records = [(0, 0), *spans]
        raw = b"".join(start.to_bytes(8) + end.to_bytes(8) for start, end in records)
        Path(f"{path}.map").write_bytes(raw)

    return leave


@pytest.mark.parametrize(
    ("left", "asked_bytes"),
    [
        (islands((0, MIB), (2 * MIB, 3 * MIB)), len(LARGE) - 2 * MIB),
        (islands((MIB, 2 * MIB), (5 * MIB, 8 * MIB)), len(LARGE) - 4 * MIB),
        (islands((0, 7 * MIB), (8 * MIB, len(LARGE))), MIB),
        (islands((0, 100), (200, len(LARGE))), 100),
    ],
    ids=["two parts", "no prefix", "a last part", "next to nothing"],
)
@pytest.mark.parametrize("parallel", [1, 4])
async def test_another_process_asks_only_for_what_is_missing(
    large: Large, left: Callable[[Large], None], asked_bytes: int, parallel: int
) -> None:
    """Also in one piece after the other, where it was told to take no more than one at a time."""
    left(large)
    large.script()
    large.slots = asyncio.Semaphore(parallel - 1)
    await large.fetch()
    assert large.holds()
    assert large.fake.sent_bytes == asked_bytes


@pytest.mark.parametrize("prefix", [MIB, 9 * MIB])
async def test_what_came_in_parts_is_worth_nothing_where_only_all_can_be_had(
    large: Large, prefix: int
) -> None:
    """The host serves no parts any more: its whole body replaces what lies behind the first gap."""
    large.data = LARGE + LARGE
    large.fake.blobs[large.digest] = large.data
    islands((0, prefix), (prefix + MIB, prefix + 2 * MIB))(large)
    large.hosts.note("sample", "127.0.0.1", serves=False)
    large.script(always=whole())
    await large.fetch()
    assert large.holds()
    assert len(large.ranges) == 1


async def test_a_run_that_is_stopped_leaves_every_part_for_the_next(large: Large) -> None:
    """Cancelled half way: no slot is kept, and no byte is asked for twice."""
    never = asyncio.Event()

    async def hang_later(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        if fake.sent_bytes > 3 * MIB:
            await never.wait()
        return await honest(fake, request, data)

    large.script(always=hang_later)
    run = asyncio.create_task(large.fetch())
    while large.fake.sent_bytes < 3 * MIB or large._now < 4:
        await one_turn()
    for _ in range(200):
        await one_turn()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert large.slots._value == 8
    never.set()
    large.script()
    await large.fetch()
    assert large.holds()
    assert large.fake.sent_bytes <= len(LARGE) + 4 * MIB
