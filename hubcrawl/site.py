"""A site, asked with care: left alone when it wants that, and not believed when it shows nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hubcrawl.answers import Answer
from hubcrawl.canaries import Canaries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubcrawl.queries import Query, Slice
    from hubcrawl.reading import PageReader, Read
    from hubcrawl.territory import Territory
    from registry.transport.clock import Clock

_log = logging.getLogger("hubcrawl")

# Answers after which an endpoint is asked nothing more.
STOPS = frozenset({Answer.CHALLENGE, Answer.BLOCKED, Answer.RETIRED, Answer.AUTH})

# The first pause, in seconds, and the longest; they double. Nine of them are a day and more: a block was seen
# to last 24 hours. Where only the rate was too high, a minute is that of most limits.
_PAUSE_S = 900.0
_RATE_PAUSE_S = 60.0
_LONGEST_PAUSE_S = 21_600.0
_MOST_PAUSES = 9


class Site:
    """The endpoints of one hub, as one run may ask them.

    Attributes:
        closed: Endpoints that are asked nothing more in this run, and why.
        given_up: Why nothing at all is asked any more; ``None`` while there is hope.
        silences: How often an endpoint was found not to show what it showed before.
    """

    def __init__(self, territory: Territory, reader: PageReader, clock: Clock) -> None:
        """Take whom to ask, and by what."""
        self.closed: dict[str, str] = {}
        self.given_up: str | None = None
        self.silences = 0
        self._territory = territory
        self._reader = reader
        self._clock = clock
        self._canaries = Canaries(self.ask)
        self._pauses = 0
        self._paused_until = 0.0
        self._why_paused = ""

    def __repr__(self) -> str:
        return f"<Site closed={sorted(self.closed)}>"

    @property
    def pausing(self) -> str | None:
        """Why the site is left alone at the moment; ``None`` if it is not."""
        is_paused = self.given_up is None and self._paused_until > self._clock.now()
        return f"pausing: {self._why_paused}" if is_paused else None

    async def ask(self, name: str, query: Query, part: Slice, claimed: int | None = None) -> Read | None:
        """Ask an endpoint for a page as soon as the site may be asked; ``None`` if the endpoint is closed."""
        await self._wait_out_pause()
        if name in self.closed or self.given_up is not None:
            return None
        read = await self._reader.read(self._territory.endpoint(name), query, part, claimed)
        if read.answer is Answer.ROWS:
            self._pauses = 0
        elif read.answer is Answer.ABUSE:
            self._pause(f"{name} asks to be left alone")
        elif read.answer is Answer.RATE:
            asked_s = None if read.error is None else read.error.retry_after_s
            self._pause(f"{name} is asked too often", asked_s or _RATE_PAUSE_S)
        elif read.answer in STOPS:
            await self._stop(name, read)
        return read

    def learn(self, name: str, query: Query, part: Slice, names: Iterable[str] = ()) -> None:
        """Remember a page that had rows."""
        self._canaries.learn(name, query, part, names)

    def ever_showed(self, name: str) -> bool:
        """Whether an endpoint is known to have shown anything."""
        return self._canaries.knows(name)

    async def still_shows(self, name: str) -> bool:
        """Whether an endpoint shows what it showed before; if not, this waits until it does or never will."""
        if self.ever_showed(name):
            return await self._outlast_silence(name)
        others = [other for other in self._canaries.endpoints() if other not in self.closed]
        if not others or await self._outlast_silence(others[0]):
            self._close(
                name, f"{name} shows nothing: a blocked client and a dead address are answered so, too"
            )
        return False

    async def _outlast_silence(self, name: str) -> bool:
        """Whether there was none."""
        is_silent = False
        while not await self._canaries.sings(name):
            is_silent = True
            self.silences += 1
            if name in self.closed or self.given_up is not None:
                break
            self._pause(f"{name} does not show any more what it showed before")
        return not is_silent

    async def _stop(self, name: str, read: Read) -> None:
        sentence = f"{name}: {read.error}"
        await self._territory.keep_evidence(name, read)
        self._close(name, sentence)
        if read.answer is Answer.CHALLENGE:
            self._pause(sentence)

    def _close(self, name: str, why: str) -> None:
        self.closed.setdefault(name, why)
        if not self._territory.close(name):
            self.given_up = self.given_up or why

    def _pause(self, why: str, first_s: float = _PAUSE_S) -> None:
        """Leave the whole site alone for a while; those who hear the same meanwhile change nothing."""
        if self._paused_until > self._clock.now():
            return
        if self._pauses >= _MOST_PAUSES:
            self.given_up = self.given_up or why
            return
        seconds = max(first_s, min(first_s * 2**self._pauses, _LONGEST_PAUSE_S))
        self._pauses += 1
        self._paused_until = self._clock.now() + seconds
        self._why_paused = why
        _log.warning("paused", extra={"why": why, "wait_s": seconds})

    async def _wait_out_pause(self) -> None:
        while self.given_up is None and (wait_s := self._paused_until - self._clock.now()) > 0:
            await self._clock.sleep(wait_s)
