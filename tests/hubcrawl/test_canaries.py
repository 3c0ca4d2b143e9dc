"""A canary is a page that had rows: a site that shows none of them shows nothing."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.records import RepositoryRecord
from hubcrawl.answers import Answer
from hubcrawl.canaries import Canaries
from hubcrawl.endpoints import Rows
from hubcrawl.queries import Query, Slice
from hubcrawl.reading import Read

FIRST, SECOND = Slice(1, 100), Slice(2, 100)


class Asked:
    """An endpoint that answers as told, and who asked it."""

    def __init__(self, answer: Read | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Query, Slice]] = []

    async def __call__(self, name: str, query: Query, part: Slice) -> Read | None:
        self.asked.append((name, query, part))
        return self.answer


def page(*names: str) -> Read:
    rows = Rows(tuple(RepositoryRecord(name) for name in names), has_more=False, claimed=len(names))
    return Read(Answer.ROWS if names else Answer.EMPTY, FIRST, FIRST, "http://site/", rows, 200)


async def sings(answer: Read | None, names: Sequence[str] = ("a/b", "c/d")) -> bool:
    canaries = Canaries(Asked(answer))
    canaries.learn("search", Query("web"), FIRST, names)
    return await canaries.sings("search")


async def test_it_sings_if_some_of_what_it_showed_is_shown() -> None:
    assert await sings(page("x/y", "c/d"))
    assert not await sings(page("x/y"))
    assert not await sings(page())
    assert not await sings(None)


async def test_any_row_will_do_where_no_name_is_remembered() -> None:
    assert await sings(page("x/y"), names=())
    assert not await sings(page(), names=())


async def test_first_page_with_most_rows_is_asked_for() -> None:
    asked = Asked(page("a/b"))
    canaries = Canaries(asked)
    canaries.learn("search", Query("few"), FIRST, ["a/b"])
    canaries.learn("search", Query("many"), FIRST, ["a/b", "c/d"])
    canaries.learn("search", Query("late"), SECOND, ["a/b", "c/d", "e/f"])
    canaries.learn("search", Query("fewer"), FIRST, ["a/b"])
    assert await canaries.sings("search")
    assert asked.asked == [("search", Query("many"), FIRST)]


def test_endpoint_that_showed_nothing_has_none() -> None:
    canaries = Canaries(Asked(None))
    canaries.learn("search", Query("web"), FIRST, ["a/b"])
    assert canaries.endpoints() == ["search"]
    assert canaries.knows("search")
    assert not canaries.knows("namespace")
