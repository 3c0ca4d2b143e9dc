"""Which images a repository has by the tag rule: asked of its registry, or of the site of its hub."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from corpus.records import Failure, ImageTask
from downloader.dates import Dated
from downloader.tags import newest_tags, parse_tag_rule
from registry.errors import Reason, RegistryError
from registry.names import is_tag

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from corpus.catalog.images import ImageCatalog
    from downloader.fetchers import Client
    from downloader.settings import DownloadSettings
    from registry.hub import HubTags

    Date = Callable[[ImageTask], Awaitable[Dated]]
    Keep = Callable[[Sequence[Dated]], Awaitable[None]]

log = logging.getLogger(__name__)

# Repositories per transaction where the tags are known without asking.
_EXPAND_REPOSITORIES = 5_000

# Tags of one repository: ten times those of the images that have the most.
_MAX_TAGS = 1_000_000

# Tags of one repository that are dated before what was fetched for it is recorded.
_DATED_TAGS = 100


class TagLister:
    """Turns repositories into images to fetch."""

    def __init__(
        self,
        images: ImageCatalog,
        clients: Mapping[str, Client],
        settings: DownloadSettings,
        date: Date,
        keep: Keep,
    ) -> None:
        """Take how an image is dated, and how what was fetched for that is kept.

        Raises:
            ConfigurationError: The rule is not understood.
        """
        self._rule = parse_tag_rule(settings.tags)
        self._images = images
        self._clients = clients
        self._settings = settings
        self._date = date
        self._keep = keep

    async def run(self) -> None:
        """Expand every repository to which the rule was not applied yet."""
        registries, rule = list(self._clients), self._settings.tags
        after = 0
        while after := await self._images.expand(
            registries, rule, self._rule.names, _EXPAND_REPOSITORIES, after
        ):
            pass
        await asyncio.gather(*map(self._list_all, registries))  # one that asks for a pause holds up no other

    async def _list_all(self, registry: str) -> None:
        """Ask one registry for the tags of its repositories."""
        after = 0
        while batch := await self._images.unexpanded(
            [registry], self._settings.tags, after=after, limit=self._settings.parallel_images
        ):
            after = batch[-1][0]
            await asyncio.gather(*(self._expand(*repository) for repository in batch))

    async def _expand(self, repository_id: int, registry: str, name: str) -> None:
        """List the tags of one repository.

        Where that fails for good, or gives none that can be pulled, ``latest`` is asked for: the
        answer tells why. Where it may yet succeed, the repository is left for the next run.
        """
        tags, failure = None, None
        try:
            tags = await self._tags(registry, name)
        except RegistryError as error:
            failure = Failure.of(error)
            log.info("tags_failed", extra={"repository": name, "reason": error.reason, "detail": str(error)})
        if failure is not None and failure.is_temporary:
            await self._images.postpone_repository(repository_id, failure)
            return
        await self._images.expand_repository(
            repository_id, self._settings.tags, ["latest"] if tags is None else tags, failure
        )

    async def _tags(self, registry: str, name: str) -> list[str] | None:
        """The tags that the rule takes; ``None`` where there are none to take from."""
        count, hub = self._rule.newest, self._clients[registry].hub
        if count is not None and hub is not None:
            return await _newest_of_hub(hub, name, count)
        taken: dict[str, None] = {}
        is_empty, listed = True, 0
        async for page in self._clients[registry].tags(name):
            listed += len(page)
            if listed > _MAX_TAGS:
                raise RegistryError(Reason.TOO_LARGE, f"the list has more than {_MAX_TAGS} tags")
            is_empty = is_empty and not any(map(is_tag, page))
            taken |= dict.fromkeys(self._rule.choose(page))
        if is_empty:
            return None
        return list(taken) if count is None else await self._newest(registry, name, list(taken), count)

    async def _newest(self, registry: str, name: str, tags: Sequence[str], count: int) -> list[str]:
        """By the date in each image's configuration, where no site tells."""
        if len(tags) <= count:
            return list(tags)
        created: dict[str, str | None] = {}
        for start in range(0, len(tags), _DATED_TAGS):
            some = tags[start : start + _DATED_TAGS]
            created |= dict(zip(some, await self._dates(registry, name, some), strict=True))
        return newest_tags(created, count)

    async def _dates(self, registry: str, name: str, tags: Sequence[str]) -> list[str | None]:
        tasks = (ImageTask(id=0, registry=registry, repository=name, reference=tag) for tag in tags)
        outcomes = await asyncio.gather(*map(self._date, tasks), return_exceptions=True)
        dated = [each for each in outcomes if isinstance(each, Dated)]
        await self._keep(dated)  # also what came before one of them failed
        for each in outcomes:
            if isinstance(each, BaseException):
                raise each
        return [each.created for each in dated]


async def _newest_of_hub(hub: HubTags, name: str, count: int) -> list[str] | None:
    """By the dates that the site of the hub tells, which costs no pulls."""
    try:
        rows = await hub.newest(name, count)
    except RegistryError as error:
        # Of a repository, the site may say that it is not there; all else is the site's own trouble.
        error.temporary = error.reason is not Reason.REPO_MISSING
        raise
    return newest_tags({row.name: row.pushed_at for row in rows if is_tag(row.name)}, count) or None
