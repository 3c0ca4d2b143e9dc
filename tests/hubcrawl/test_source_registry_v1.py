"""A registry of version 1 lists its repositories by a search without a term."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from corpus.records import RepositoryRecord
from hubcrawl.sources import Listing
from hubcrawl.sources.registry_v1 import V1Search
from registry.errors import Reason, RegistryError
from registry.transport.http import Transport
from registry.v1 import V1Client
from tests.downloader.v1_server import FakeV1, serving_v1
from tests.hubcrawl.conftest import names_in, read_all

Search = Callable[[web.BaseRequest], web.Response]


@pytest.fixture
async def fake() -> AsyncIterator[FakeV1]:
    async with serving_v1() as registry:
        yield registry


@pytest.fixture
def source(fake: FakeV1, transport: Transport) -> V1Search:
    return V1Search(V1Client(transport, name="old:5000", base_url=fake.url))


def answering(fake: FakeV1, monkeypatch: pytest.MonkeyPatch, *bodies: str, status: int = 200) -> None:
    """Answer the search for each page, by its number, with these texts."""

    def search(request: web.BaseRequest) -> web.Response:
        number = int(request.query["page"])
        return web.Response(text=bodies[number - 1], status=status, content_type="application/json")

    monkeypatch.setattr(fake, "_search", search)


async def failure(source: V1Search) -> RegistryError:
    with pytest.raises(RegistryError) as error:
        await source.read("1")
    return error.value


async def test_everything_is_found_on_one_page(fake: FakeV1, source: V1Search) -> None:
    """docker-registry 0.9 knows no pages."""
    names = [f"library/image{number}" for number in range(250)]
    fake.repositories = {name: {} for name in names}
    (page,) = await read_all(source)
    assert names_in([page]) == names
    assert page.claimed == 250
    assert page.records[0] == RepositoryRecord("library/image0")
    assert page.url.startswith(f"{fake.url}/v1/search?q=&page=1")


async def test_a_description_comes_along(
    fake: FakeV1, source: V1Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(fake, monkeypatch, '{"results": [{"name": "a/b", "description": "A \\ud800 thing"}]}')
    page = await source.read("1")
    assert page.records == (RepositoryRecord("a/b", description="A \\ud800 thing"),)


async def test_pages_are_followed_where_there_are_some(
    fake: FakeV1, source: V1Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(
        fake,
        monkeypatch,
        '{"num_pages": 2, "num_results": 2, "results": [{"name": "a/b"}]}',
        '{"num_pages": 2, "num_results": 2, "results": [{"name": "a/c"}]}',
    )
    assert names_in(await read_all(source)) == ["a/b", "a/c"]


async def test_an_empty_registry_is_an_empty_listing(source: V1Search) -> None:
    assert await read_all(source) == [
        Listing((await source.read("1")).url, (), (), 0),
    ]


async def test_a_registry_without_search_says_what_to_do(
    fake: FakeV1, source: V1Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(fake, monkeypatch, '{"error": "Not found"}', status=404)
    error = await failure(source)
    assert (error.reason, error.temporary) == (Reason.REPO_MISSING, True)
    assert "--images" in str(error)
    assert source.after_failure("1") == ()


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "[]",
        "{}",
        '{"results": {}}',
        '{"results": [{"name": ""}]}',
        '{"results": [], "num_pages": 9}',
        '{"results": [], "num_pages": 99999999999999999999}',
    ],
)
async def test_an_answer_in_another_shape_is_never_no_results(
    fake: FakeV1, source: V1Search, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    answering(fake, monkeypatch, body)
    assert (await failure(source)).reason is Reason.UNEXPECTED_ANSWER


def test_the_listing_is_known_by_its_registry(source: V1Search) -> None:
    assert source.name == "old:5000 v1"
    assert source.first_cursors() == ("1",)
