"""The order of a run: which images it takes, first to last, kept as a table so that it can be streamed.

A random order is that of a keyed hash of the image's full name (bottom-k sampling: E. Cohen and H. Kaplan,
"Summarizing data using bottom-k sketches", PODC 2007). So a sample depends on nothing but the seed and the
set of images: not on the machine, on when they were found, or on what became of them. A larger sample
contains the smaller one, and the sample of a part of the images is what the sample of all holds of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqlalchemy import delete, func, insert, or_, select, tuple_

from corpus.catalog.database import uninterrupted, upsert
from corpus.catalog.schema import images, meta, plan, registries, repositories
from registry.dates import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.catalog.database import Database, Row

# Names read and hashed at a time: some megabytes.
_CHUNK_IMAGES = 20_000

# In ``meta``: what the plan was made from.
_KEY = "plan"

# The end of all time, from which dates are counted backwards.
_LAST = datetime.max.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Order:
    """Which images, and which of them first.

    Attributes:
        registries: Whose images; those with names that nobody can pull are left out.
        tags: The rule that chose them; those that a list named are taken by any.
        by: Most pulled first, updated last first, or by chance.
        seed: Of ``random``: another seed is another order.
        limit: Only so many, the first of the order; 0: all.
    """

    registries: tuple[str, ...]
    tags: str = "latest"
    by: Literal["popularity", "newest", "random"] = "popularity"
    seed: int = 0
    limit: int = 0


def sample_key(seed: int, image: str) -> int:
    """The place of an image (``registry/repository:reference``) in a random order: 0 to 2**63 - 1.

    That any two of a hundred million images get the same key has a probability of one in two thousand.
    """
    digest = blake2b(image.encode(), digest_size=8, key=str(seed).encode()).digest()
    return int.from_bytes(digest, "big") >> 1


def age_key(date: str | None) -> int:
    """The place of an image in the order of dates (ISO 8601), latest first: 0 to 2**63 - 1."""
    return (_LAST - instant(date)) // _MICROSECOND


class _Image(NamedTuple):
    """What an order may depend on."""

    id: int
    registry: str
    repository: str
    reference: str
    tags_rule: str | None
    is_pullable: bool
    updated_at: str | None

    def is_of(self, order: Order) -> bool:
        """Whether the order has it: as :func:`_planned`."""
        is_chosen = self.tags_rule is None or self.tags_rule == order.tags
        return self.is_pullable and is_chosen and self.registry in order.registries

    def key(self, order: Order) -> int:
        """Its place in an order by chance or by date."""
        if order.by == "newest":
            return age_key(self.updated_at)
        return sample_key(order.seed, f"{self.registry}/{self.repository}:{self.reference}")


class PlanCatalog:
    """The plan: a rank for each image that the present run may take."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(self, order: Order) -> None:
        """Fill the plan with the images of ``order``; where it holds these already, nothing is done."""
        source = await self._source(order)
        if source == await self._present():
            return
        await self._clear()
        if order.by == "popularity":
            await self._sort(order)
        else:
            await self._draw(order)
        await self._finish(source)

    async def _source(self, order: Order) -> str:
        """All that a plan depends on: the order, which images there are, and what the crawl knows of them."""
        crawled = select(func.max(registries.c.last_crawled_at)).where(
            registries.c.name.in_(order.registries)
        )
        async with self._database.read() as connection:
            last_image = (await connection.execute(select(func.max(images.c.id)))).scalar_one()
            crawled_at = (await connection.execute(crawled)).scalar_one()
        named = asdict(order) | {"registries": sorted(order.registries)}
        return json.dumps(named | {"last_image": last_image, "crawled_at": crawled_at})

    async def _present(self) -> str | None:
        async with self._database.read() as connection:
            return (await connection.execute(select(meta.c.value).where(meta.c.key == _KEY))).scalar()

    @uninterrupted
    async def _clear(self) -> None:
        async with self._database.write() as connection:
            await forget_plan(connection)
            await connection.execute(delete(plan))

    @uninterrupted
    async def _finish(self, source: str) -> None:
        """Only now the plan is one: a run that was killed before makes it anew."""
        async with self._database.write() as connection:
            await upsert(connection, meta, [{"key": _KEY, "value": source}], key=["key"], update=["value"])

    @uninterrupted
    async def _sort(self, order: Order) -> None:
        """Rank the images by the pulls of their repositories; equals in the order found."""
        best_first = func.coalesce(repositories.c.pull_count, -1).desc(), images.c.id
        rank = func.row_number().over(order_by=best_first).label("rank")
        ranked = _planned(order).add_columns(rank, images.c.id.label("image_id")).subquery()
        rows = select(ranked.c.rank, ranked.c.image_id)
        if order.limit:
            rows = rows.where(ranked.c.rank <= order.limit)
        async with self._database.write() as connection:
            await connection.execute(insert(plan).from_select(["rank", "image_id"], rows))

    async def _draw(self, order: Order) -> None:
        """Rank the images by their keys, which no database computes; equals in the order found.

        Of a sample no more is kept on the way than the smallest keys so far.
        """
        after, bound = 0, None
        while found := await self._images_after(after):
            after = found[-1].id
            keyed = [(image.key(order), image.id) for image in found if image.is_of(order)]
            rows: list[Row] = [
                {"rank": key, "image_id": image} for key, image in keyed if bound is None or key < bound
            ]
            bound = await self._keep(rows, order.limit) if rows else bound

    async def _images_after(self, after: int) -> list[_Image]:
        """The next images of all registries by id: which are planned is not asked, so that none is sorted."""
        query = (
            select(
                images.c.id,
                repositories.c.registry,
                repositories.c.name,
                images.c.reference,
                images.c.tags_rule,
                repositories.c.is_pullable,
                repositories.c.last_updated_at,
            )
            .join(repositories, repositories.c.id == images.c.repository_id)
            .where(images.c.id > after)
            .order_by(images.c.id)
            .limit(_CHUNK_IMAGES)
        )
        async with self._database.read() as connection:
            return [_Image(*row) for row in await connection.execute(query)]

    @uninterrupted
    async def _keep(self, rows: Sequence[Row], limit: int) -> int | None:
        """Add ``rows``; of all, keep the ``limit`` first. Returns the key that is too large by now.

        Of equal keys those of the rows added first come first.
        """
        async with self._database.write() as connection:
            await connection.execute(insert(plan), rows)
            if not limit:
                return None
            place = tuple_(plan.c.rank, plan.c.image_id)
            last = select(plan.c.rank, plan.c.image_id).order_by(plan.c.rank, plan.c.image_id)
            found = (await connection.execute(last.offset(limit - 1).limit(1))).one_or_none()
            if found is None:
                return None
            await connection.execute(delete(plan).where(place > tuple_(*found)))
            return int(found.rank)


def _planned(order: Order) -> Select[()]:
    """The images of an order, without columns yet."""
    is_chosen = or_(images.c.tags_rule.is_(None), images.c.tags_rule == order.tags)
    return (
        select()
        .select_from(images.join(repositories, repositories.c.id == images.c.repository_id))
        .where(repositories.c.registry.in_(order.registries), repositories.c.is_pullable, is_chosen)
    )


async def forget_plan(connection: AsyncConnection) -> None:
    """Have the plan made anew: which images the rule chooses has changed."""
    await connection.execute(delete(meta).where(meta.c.key == _KEY))
