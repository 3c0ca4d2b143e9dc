"""One blob, from servers that cut, lie, forget and refuse: always right or a typed failure, never endless."""

from __future__ import annotations

import hashlib

import pytest
from aiohttp import web

from corpus.blobs import BlobStore
from corpus.layout import Layout
from downloader.receive import receive_blob
from downloader.wanted import Means
from registry.client import RegistryClient
from registry.descriptors import Descriptor
from registry.digests import Digest
from registry.errors import Reason, RegistryError
from tests.downloader.runs import InstantClock, connected, files
from tests.downloader.servers import (
    FakeRegistry,
    Responder,
    chunked,
    cut,
    endless,
    part,
    refuse,
    serving,
    truncated,
    whole,
)

MIB = 1 << 20
LAYER = "application/vnd.oci.image.layer.v1.tar"
SMALL = hashlib.sha256(b"small").digest() * 100
# Below a MiB nothing leaves the event loop, so that every byte sent before a cut is taken; above, what
# aiohttp still holds when the connection is lost goes with it.
MEDIUM = hashlib.sha256(b"medium").digest() * 25_000 + b"odd"
HALF = 400_000
LARGE = hashlib.sha256(b"large").digest() * (8 * MIB // 32) + b"odd"
ATTEMPTS = 4


class Blobs:
    """Fetches blobs of one registry into one store."""

    def __init__(self, fake: FakeRegistry, client: RegistryClient, layout: Layout) -> None:
        self.fake = fake
        self.client = client
        self.layout = layout

    async def fetch(self, data: bytes, size: int | None = -1, attempts: int = ATTEMPTS) -> int:
        """Fetch ``data`` in a process of its own, as it were; ``size`` is what the manifest says."""
        digest = Digest.of(data)
        self.fake.blobs.setdefault(digest, data)
        descriptor = Descriptor(LAYER, digest, len(data) if size == -1 else size)
        store = BlobStore(self.layout)
        bound = 64 * MIB
        return await receive_blob(store, self.client, "a/b", descriptor, Means(attempts, bound))

    async def fails(self, data: bytes, size: int | None = -1, attempts: int = ATTEMPTS) -> RegistryError:
        with pytest.raises(RegistryError) as caught:
            await self.fetch(data, size, attempts)
        assert not self.layout.blob(Digest.of(data)).exists()
        return caught.value

    def script(self, data: bytes, *responders: Responder, always: Responder | None = None) -> None:
        self.fake.script_blob(Digest.of(data), *responders, always=always)

    def holds(self, data: bytes) -> bool:
        """Whether the store has it, right, and no partial file is left."""
        return self.layout.blob(Digest.of(data)).read_bytes() == data and not files(self.layout.partial)

    @property
    def ranges(self) -> list[str | None]:
        """Of every request, in order."""
        return [asked.range for asked in self.fake.asked]


@pytest.fixture
def blobs(fake: FakeRegistry, client: RegistryClient, layout: Layout) -> Blobs:
    return Blobs(fake, client, layout)


@pytest.mark.parametrize("blob", [b"", b"x", SMALL, LARGE], ids=["empty", "1 byte", "3 KB", "8 MiB"])
@pytest.mark.parametrize("size", [-1, None], ids=["size known", "size unknown"])
async def test_an_honest_server_is_asked_once_and_for_all(
    blobs: Blobs, blob: bytes, size: int | None
) -> None:
    """No range, no HEAD, no second look."""
    assert await blobs.fetch(blob, size) == len(blob)
    assert blobs.ranges == [None]
    assert blobs.holds(blob)


@pytest.mark.parametrize("after", [1, 1000, len(MEDIUM) - 1])
async def test_a_body_that_breaks_off_is_resumed_at_that_byte(blobs: Blobs, after: int) -> None:
    """The range is closed, and no byte is fetched twice."""
    blobs.script(MEDIUM, cut(after))
    await blobs.fetch(MEDIUM)
    assert blobs.ranges == [None, f"bytes={after}-{len(MEDIUM) - 1}"]
    assert blobs.fake.sent_bytes == len(MEDIUM)
    assert blobs.holds(MEDIUM)


async def test_a_body_of_unknown_size_is_resumed_too(blobs: Blobs) -> None:
    """Schema 1 gives no sizes: the range stays open."""
    blobs.script(MEDIUM, cut(HALF))
    await blobs.fetch(MEDIUM, None)
    assert blobs.ranges == [None, f"bytes={HALF}-"]
    assert blobs.fake.sent_bytes == len(MEDIUM)
    assert blobs.holds(MEDIUM)


@pytest.mark.parametrize("size", [-1, None], ids=["size known", "size unknown"])
async def test_a_server_that_ignores_ranges_is_started_over_with(blobs: Blobs, size: int | None) -> None:
    """200 instead of 206 is the whole body (RFC 9110, 14.2); it replaces what came."""
    blobs.script(MEDIUM, cut(HALF), whole())
    await blobs.fetch(MEDIUM, size)
    assert len(blobs.ranges) == 2
    assert blobs.holds(MEDIUM)


@pytest.mark.parametrize(
    "wrong",
    [
        part(f"bytes 7-{len(MEDIUM) - 1}/{len(MEDIUM)}", MEDIUM[7:]),
        part(f"bytes {HALF + 1}-{len(MEDIUM) - 1}/{len(MEDIUM)}", MEDIUM[HALF + 1 :]),
        part(f"bytes {HALF}-{len(MEDIUM)}/{len(MEDIUM) + 1}", MEDIUM[HALF:] + b"!"),
        part("bytes 1*2/3", MEDIUM[HALF:]),
        part("", MEDIUM[HALF:]),
        part(f"bytes {HALF}-{len(MEDIUM) - 1}", MEDIUM[HALF:]),
        refuse(416, Content_Range=f"bytes */{len(MEDIUM)}"),
        refuse(416),
        refuse(400),
    ],
    ids=[
        "starts before",
        "starts after",
        "of another whole",
        "malformed",
        "without Content-Range",
        "without total",
        "416",
        "bare 416",
        "400",
    ],
)
async def test_a_server_that_cannot_serve_the_rest_is_asked_for_the_whole_at_once(
    blobs: Blobs, wrong: Responder
) -> None:
    """Wrong parts and refused ranges cost one request more, and never a byte of the result."""
    blobs.script(MEDIUM, cut(HALF), wrong)
    await blobs.fetch(MEDIUM)
    assert blobs.ranges == [None, f"bytes={HALF}-{len(MEDIUM) - 1}", None]
    assert blobs.holds(MEDIUM)


async def test_a_wrong_part_is_not_read_at_all(blobs: Blobs) -> None:
    """It is known to be wrong before its first byte, and leaves both tries of wrong bytes."""
    wrong = part(f"bytes {HALF + 1}-{len(MEDIUM) - 1}/{len(MEDIUM)}", MEDIUM[HALF + 1 :])
    blobs.script(MEDIUM, cut(HALF), wrong, whole(body=MEDIUM[::-1]))
    await blobs.fetch(MEDIUM)
    assert len(blobs.ranges) == 4
    assert blobs.holds(MEDIUM)


async def test_a_part_that_begins_at_the_first_byte_is_the_whole(blobs: Blobs) -> None:
    """Some servers answer the first range with all of it, as 206 (distribution/distribution#4667)."""
    blobs.script(MEDIUM, cut(HALF), part(f"bytes 0-{len(MEDIUM) - 1}/{len(MEDIUM)}", MEDIUM))
    await blobs.fetch(MEDIUM)
    assert len(blobs.ranges) == 2
    assert blobs.holds(MEDIUM)


@pytest.mark.parametrize("responder", [cut(0), whole(HALF)], ids=["honours ranges", "ignores ranges"])
async def test_a_body_that_always_ends_at_the_same_byte_is_truncated(
    blobs: Blobs, responder: Responder
) -> None:
    """Twice at the same byte is what the registry has: a failure for good, and nothing stays."""
    blobs.script(MEDIUM, cut(HALF), always=responder)
    error = await blobs.fails(MEDIUM)
    assert (error.reason, error.temporary) == (Reason.SIZE_MISMATCH, False)
    assert len(blobs.ranges) == 3
    assert files(blobs.layout.partial) == {}


async def test_a_connection_lost_once_where_a_killed_process_stopped_is_no_end(blobs: Blobs) -> None:
    """Only two bodies that end at the same byte tell where the content ends."""
    blobs.layout.partial_blob(Digest.of(MEDIUM)).write_bytes(MEDIUM[:HALF])
    blobs.script(MEDIUM, cut(0))
    await blobs.fetch(MEDIUM)
    assert blobs.fake.sent_bytes == len(MEDIUM) - HALF
    assert blobs.holds(MEDIUM)


async def test_a_large_truncated_body_is_found_out_too(blobs: Blobs) -> None:
    """Whatever part is asked for, nothing comes from behind the cut."""
    blobs.script(LARGE, always=truncated(3 * MIB))
    error = await blobs.fails(LARGE)
    assert (error.reason, error.temporary) == (Reason.SIZE_MISMATCH, False)
    assert len(blobs.ranges) <= ATTEMPTS
    assert files(blobs.layout.partial) == {}


@pytest.mark.parametrize(
    ("body", "size", "reason"),
    [
        (SMALL[:-1], -1, Reason.SIZE_MISMATCH),
        (SMALL + b"!", -1, Reason.SIZE_MISMATCH),
        (LARGE + LARGE, -1, Reason.SIZE_MISMATCH),
        (SMALL[:-1] + b"!", -1, Reason.DIGEST_MISMATCH),
        (SMALL[:-1], None, Reason.DIGEST_MISMATCH),
        (SMALL + b"!", None, Reason.DIGEST_MISMATCH),
        (b"", None, Reason.DIGEST_MISMATCH),
        (b"<html>", -1, Reason.SIZE_MISMATCH),
    ],
    ids=["short", "long", "far too long", "changed", "short ?", "long ?", "empty ?", "HTML"],
)
async def test_wrong_bytes_are_tried_twice_and_never_kept(
    blobs: Blobs, body: bytes, size: int | None, reason: Reason
) -> None:
    """Once more rules out a broken cache; then they are what the registry holds."""
    blobs.script(SMALL, always=whole(body=body))
    error = await blobs.fails(SMALL, size)
    assert (error.reason, error.temporary) == (reason, False)
    assert len(blobs.ranges) == 2
    assert files(blobs.layout.partial) == {}


async def test_wrong_bytes_once_do_no_harm(blobs: Blobs) -> None:
    """The second try starts clean."""
    blobs.script(SMALL, whole(body=SMALL[::-1]))
    await blobs.fetch(SMALL)
    assert blobs.ranges == [None, None]
    assert blobs.holds(SMALL)


async def test_a_body_without_a_length_is_taken_and_resumed(blobs: Blobs) -> None:
    """Chunked transfer says when it is cut."""
    blobs.script(MEDIUM, chunked(HALF), chunked())
    await blobs.fetch(MEDIUM)
    assert len(blobs.ranges) == 2
    assert blobs.holds(MEDIUM)


async def test_content_that_changes_between_two_parts_is_found_out(blobs: Blobs) -> None:
    """Half of one and half of another blob is no blob; the third request gets it whole."""
    other = MEDIUM[::-1]
    start, end = HALF, len(MEDIUM) - 1
    blobs.script(MEDIUM, whole(start, body=other), part(f"bytes {start}-{end}/{len(MEDIUM)}", MEDIUM[start:]))
    await blobs.fetch(MEDIUM)
    assert len(blobs.ranges) == 3
    assert blobs.holds(MEDIUM)


async def test_a_server_that_sends_one_byte_per_request_is_given_up(blobs: Blobs) -> None:
    """Progress that small buys no further try; what came stays for the next run."""
    blobs.script(LARGE, always=cut(1))
    error = await blobs.fails(LARGE)
    assert (error.reason, error.temporary) == (Reason.NETWORK, True)
    assert len(blobs.ranges) == ATTEMPTS
    assert blobs.layout.partial_blob(Digest.of(LARGE)).read_bytes() == LARGE[:ATTEMPTS]


async def test_a_server_that_sends_much_per_request_is_not_given_up(blobs: Blobs) -> None:
    """A try that brings a MiB is free: a large blob over a bad line comes in the end."""
    blobs.script(LARGE, always=cut(3 * MIB))
    await blobs.fetch(LARGE, attempts=2)
    assert len(blobs.ranges) in {3, 4}
    assert blobs.fake.sent_bytes < len(LARGE) + 3 * MIB
    assert blobs.holds(LARGE)


async def test_starting_over_again_and_again_is_bounded(blobs: Blobs) -> None:
    """A server without ranges that gets a little further each time would make the cost quadratic."""
    blobs.script(LARGE, *(whole(MIB + 300_000 * number) for number in range(10)))
    error = await blobs.fails(LARGE)
    assert len(blobs.ranges) <= ATTEMPTS + 1
    assert error.temporary


async def test_refused_ranges_between_broken_bodies_are_bounded(blobs: Blobs) -> None:
    """Each try is at most two requests, and what has to be fetched again is no progress."""
    blobs.script(LARGE, *([cut(2 * MIB)] + [refuse(416), cut(2 * MIB - 1), refuse(416), cut(2 * MIB)] * 9))
    await blobs.fails(LARGE)
    assert len(blobs.ranges) <= 2 * ATTEMPTS


async def test_what_came_is_given_up_three_times_at_most(blobs: Blobs) -> None:
    """However many tries there are: what it costs grows with the square of them."""
    blobs.script(LARGE, *[cut(2 * MIB), refuse(416)] * 20)
    error = await blobs.fails(LARGE, attempts=100)
    assert (error.reason, error.temporary) == (Reason.NETWORK, True)
    assert len(blobs.ranges) == 1 + 3 * 2


async def test_what_came_outlives_a_body_that_is_sent_from_its_beginning_and_breaks_off_before(
    blobs: Blobs,
) -> None:
    """The server ignored the range: its bytes are read past, and what is here is not asked for again."""
    blobs.script(MEDIUM, cut(HALF), whole(HALF // 2), whole(HALF // 2 + 1))
    await blobs.fetch(MEDIUM)
    rest = f"bytes={HALF}-{len(MEDIUM) - 1}"
    assert blobs.ranges == [None, rest, rest, rest]
    assert blobs.holds(MEDIUM)


async def test_much_that_came_is_given_up_for_a_body_that_is_sent_from_its_beginning(blobs: Blobs) -> None:
    """Reading past more than 8 MiB is not worth it: that body may be whole."""
    huge = LARGE + LARGE
    blobs.layout.partial_blob(Digest.of(huge)).write_bytes(bytes(9 * MIB))
    blobs.script(huge, always=whole())
    await blobs.fetch(huge)
    assert len(blobs.ranges) == 1
    assert blobs.holds(huge)


async def test_a_request_without_an_answer_is_tried_by_the_transport_alone(blobs: Blobs) -> None:
    """Retries on top of retries would multiply: six requests, not six times four."""
    blobs.script(SMALL, always=refuse(503))
    error = await blobs.fails(SMALL)
    assert (error.reason, error.temporary) == (Reason.SERVER_ERROR, True)
    assert len(blobs.ranges) == 6


async def test_a_registry_that_dies_half_way_is_no_truncated_blob(blobs: Blobs) -> None:
    """No answer says nothing about the bytes: what came stays, and is resumed when it is back."""
    digest = Digest.of(LARGE)

    async def last_gasp(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        fake.is_dead = True
        return await cut(3 * MIB)(fake, request, data)

    blobs.script(LARGE, last_gasp)
    error = await blobs.fails(LARGE)
    assert (error.reason, error.temporary) == (Reason.NETWORK, True)
    left = blobs.layout.partial_blob(digest).stat().st_size
    assert 2 * MIB < left <= 3 * MIB
    blobs.fake.is_dead = False
    await blobs.fetch(LARGE)
    assert blobs.ranges[-1] == f"bytes={left}-{len(LARGE) - 1}"
    assert blobs.holds(LARGE)


@pytest.mark.parametrize(
    ("responder", "reason"),
    [
        (refuse(404, "BLOB_UNKNOWN"), Reason.BLOB_MISSING),
        (refuse(404), Reason.BLOB_MISSING),
        (refuse(410), Reason.BLOB_MISSING),
        (refuse(403), Reason.DENIED),
        (refuse(451), Reason.LEGAL),
        (refuse(400), Reason.UNEXPECTED_ANSWER),
        (refuse(416), Reason.UNEXPECTED_ANSWER),
    ],
)
async def test_what_the_registry_refuses_for_good_is_asked_once_and_leaves_what_came(
    blobs: Blobs, responder: Responder, reason: Reason
) -> None:
    """A partial file from better days may be gone on with in another repository."""
    blobs.script(SMALL, always=responder)
    assert (await blobs.fails(SMALL)).reason is reason
    assert len(blobs.ranges) == 1
    assert files(blobs.layout.partial) == {}
    partial = blobs.layout.partial_blob(Digest.of(SMALL))
    partial.write_bytes(SMALL[:10])
    assert (await blobs.fails(SMALL)).reason is reason
    assert len(blobs.ranges) <= 3
    assert partial.read_bytes() == SMALL[:10]


@pytest.mark.parametrize("status", [400, 403, 416])
async def test_what_came_is_given_up_only_when_all_of_it_is_on_its_way(blobs: Blobs, status: int) -> None:
    """A range is refused, and then the whole is not to be had either: nothing is lost by having asked."""
    partial = blobs.layout.partial_blob(Digest.of(MEDIUM))
    partial.write_bytes(MEDIUM[:HALF])
    blobs.script(MEDIUM, refuse(status), always=refuse(503))
    assert (await blobs.fails(MEDIUM)).reason is Reason.SERVER_ERROR
    assert partial.read_bytes() == MEDIUM[:HALF]
    blobs.script(MEDIUM)
    await blobs.fetch(MEDIUM)
    assert blobs.fake.sent_bytes == len(MEDIUM) - HALF
    assert blobs.holds(MEDIUM)


async def test_a_body_may_be_resumed_elsewhere(blobs: Blobs) -> None:
    """The registry redirects to its store only in the middle; the range goes along."""
    digest = Digest.of(MEDIUM)
    async with serving(FakeRegistry(blobs={digest: MEDIUM})) as elsewhere:
        location = f"{elsewhere.url}/v2/cdn/blobs/{digest}?Signature=a%2Fb"
        blobs.script(MEDIUM, cut(HALF), refuse(307, Location=location))
        await blobs.fetch(MEDIUM)
        assert [asked.range for asked in elsewhere.asked] == [f"bytes={HALF}-{len(MEDIUM) - 1}"]
        assert elsewhere.sent_bytes == len(MEDIUM) - HALF
    assert blobs.holds(MEDIUM)


@pytest.mark.parametrize("left", [1, MIB, 3 * MIB + 17, len(LARGE) - 1])
async def test_another_process_goes_on_where_the_first_was_killed(blobs: Blobs, left: int) -> None:
    """Only what is missing is fetched."""
    blobs.layout.partial_blob(Digest.of(LARGE)).write_bytes(LARGE[:left])
    await blobs.fetch(LARGE)
    assert blobs.fake.sent_bytes == len(LARGE) - left
    assert blobs.holds(LARGE)


async def test_a_process_killed_before_the_last_step_left_all_that_is_needed(blobs: Blobs) -> None:
    """The bytes are all there: no request is made."""
    blobs.layout.partial_blob(Digest.of(LARGE)).write_bytes(LARGE)
    await blobs.fetch(LARGE)
    assert blobs.ranges == []
    assert blobs.holds(LARGE)


@pytest.mark.parametrize(
    "left",
    [bytes(MIB), LARGE[:MIB] + bytes(4096), bytes(len(LARGE)), LARGE + b"!"],
    ids=["zeros", "zeros at the end", "zeros, whole", "too long"],
)
async def test_a_partial_file_that_a_power_cut_damaged_is_fetched_anew(blobs: Blobs, left: bytes) -> None:
    """A partial file is believed only as far as the digest of the whole proves it."""
    blobs.layout.partial_blob(Digest.of(LARGE)).write_bytes(left)
    await blobs.fetch(LARGE)
    assert len(blobs.ranges) <= 2
    assert blobs.holds(LARGE)


async def test_a_body_without_end_is_broken_off(
    fake: FakeRegistry, client: RegistryClient, store: BlobStore, layout: Layout
) -> None:
    """Where the manifest gives no size, a bound keeps a hostile server from filling the disk."""
    digest = Digest.of(b"never")
    fake.script_blob(digest, always=endless)
    descriptor = Descriptor(LAYER, digest, None)
    with pytest.raises(RegistryError) as caught:
        await receive_blob(store, client, "a/b", descriptor, Means(ATTEMPTS, HALF))
    assert (caught.value.reason, caught.value.temporary) == (Reason.TOO_LARGE, False)
    assert fake.count() == 1
    assert files(layout.partial) == {}


async def test_an_announced_size_bounds_a_body_without_end(blobs: Blobs) -> None:
    """One byte too many is enough."""
    blobs.script(SMALL, always=endless)
    assert (await blobs.fails(SMALL)).reason is Reason.SIZE_MISMATCH
    assert files(blobs.layout.partial) == {}


async def test_an_unreachable_host_leaves_what_came(
    layout: Layout, store: BlobStore, clock: InstantClock
) -> None:
    """Nobody listens: that is the network's fault, not the blob's."""
    async with serving() as gone:
        url = gone.url
    layout.partial_blob(Digest.of(SMALL)).write_bytes(SMALL[:100])
    async with connected(url, clock) as client:
        with pytest.raises(RegistryError) as caught:
            descriptor = Descriptor(LAYER, Digest.of(SMALL), len(SMALL))
            await receive_blob(store, client, "a/b", descriptor, Means(ATTEMPTS, MIB))
    assert (caught.value.reason, caught.value.temporary) == (Reason.NETWORK, True)
    assert layout.partial_blob(Digest.of(SMALL)).read_bytes() == SMALL[:100]


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
async def test_other_algorithms_are_verified_all_the_same(
    fake: FakeRegistry, client: RegistryClient, store: BlobStore, layout: Layout, algorithm: str
) -> None:
    """And kept under their own name."""
    digest = Digest.of(SMALL, algorithm)
    fake.blobs[digest] = SMALL
    fake.script_blob(digest, whole(body=SMALL[::-1]))
    descriptor = Descriptor(LAYER, digest, len(SMALL))
    await receive_blob(store, client, "a/b", descriptor, Means(ATTEMPTS, MIB))
    assert layout.blob(digest).read_bytes() == SMALL
    assert fake.count() == 2
