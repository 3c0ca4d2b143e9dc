"""Answers that show nothing, held until the site has proved that it shows anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hubcrawl.asking import Asking
    from hubcrawl.reading import Read
    from hubcrawl.site import Site

    Believe = Callable[[Asking, Read], Awaitable[None]]

# Answers of one endpoint that are put to one proof; and so many in a row, of whichever, ask for one at once,
# since a block that has passed is not found out any more.
_MOST = 64
_MOST_IN_A_ROW = 16


class Doubts:
    """What a site did not show: until that is believed or forgotten, nobody asks for it again."""

    def __init__(self, site: Site, believe: Believe) -> None:
        """Take who is doubted, and what to do with an answer that is believed after all."""
        self._site = site
        self._believe = believe
        self._held: dict[int, tuple[Asking, Read]] = {}
        self._on_trial: set[int] = set()
        self._in_a_row = 0

    def __repr__(self) -> str:
        return f"<Doubts {len(self._held)}>"

    @property
    def numbers(self) -> set[int]:
        """The queries that are held."""
        return {*self._held, *self._on_trial}

    def something_came(self) -> None:
        """A page with rows."""
        self._in_a_row = 0

    async def hold(self, asking: Asking, read: Read) -> None:
        """Believe an answer only after the next proof."""
        self._held[asking.id] = (asking, read)
        self._in_a_row += 1
        like_it = sum(other.endpoint == asking.endpoint for other, _ in self._held.values())
        if self._in_a_row >= _MOST_IN_A_ROW or like_it >= _MOST:
            await self._prove(asking.endpoint)

    async def settle(self) -> bool:
        """Prove something of what is held; false when nothing is."""
        held = next(iter(self._held.values()), None)
        if held is not None:
            await self._prove(held[0].endpoint)
        return held is not None

    async def _prove(self, name: str) -> None:
        """Ask for what is known to be there; if it is not shown, nothing else was shown either."""
        mine = {number: each for number, each in self._held.items() if each[0].endpoint == name}
        self._held = {number: each for number, each in self._held.items() if number not in mine}
        self._on_trial |= mine.keys()
        self._in_a_row, silences = 0, self._site.silences
        try:
            if await self._site.still_shows(name) and self._site.silences == silences:
                for asking, read in mine.values():
                    await self._believe(asking, read)
            else:
                self._held.clear()  # whoever held something meanwhile was told nothing, too
        finally:
            self._on_trial -= mine.keys()
