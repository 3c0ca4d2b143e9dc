"""What failed, and why: by reason, with an example of each, and image by image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import and_, case, exists, false, func, literal, null, or_, select, union_all

from corpus.catalog.schema import (
    blobs,
    image_profiles,
    images,
    layer_profiles,
    pages,
    repositories,
    sightings,
    tag_failures,
)
from corpus.profiles.image import IMAGE_VERSION
from corpus.profiles.layer import LAYER_VERSION
from corpus.records import State
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from sqlalchemy import ColumnElement, CompoundSelect, Select, Table

    from corpus.catalog.database import Database


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one kind that failed for one reason."""

    unit: str  # "page" (of a listing), "tag listing", "image", "blob", "layer" or "image profile"
    reason: str  # a Reason; of layers and image profiles the status in their profile
    count: int
    retried: int  # of these, those that are tried again unasked
    example: str  # the first by name
    detail: str  # of the example, for people


class FailedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that could not be had, or a name that nobody can pull."""

    reason: str
    registry: str
    repository: str
    reference: str | None  # tag or digest; none of a name that was not looked at yet
    detail: str
    listed_by: str | None  # where the repository was seen, by URL or file


_BY_REASON_AND_NAME = (images.c.reason, repositories.c.registry, repositories.c.name, images.c.reference)


class FailureCatalog:
    """Failures of all kinds of units."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def groups(self) -> list[FailureGroup]:
        """Everything that failed, by kind of unit, the most frequent reasons first."""
        async with self._database.read() as connection:
            return [
                FailureGroup(
                    unit=unit,
                    reason=reason,
                    count=count,
                    retried=retried,
                    example=example,
                    detail=detail or "",
                )
                for unit, failed in FAILED.items()
                for reason, count, retried, example, detail in await connection.execute(_grouped(failed))
            ]

    async def images(self) -> AsyncGenerator[FailedImage, None]:
        """Every image that failed and every invalid name, by reason and name: read while it is iterated."""
        failed = _failed_images().order_by(*_BY_REASON_AND_NAME)
        async with self._database.read() as connection, connection.stream(failed) as rows:
            async for reason, registry, repository, reference, detail, listed_by, _ in rows:
                yield FailedImage(
                    reason=reason,
                    registry=registry,
                    repository=repository,
                    reference=reference,
                    detail=detail or "",
                    listed_by=listed_by,
                )


def _failed_images() -> CompoundSelect[str, str, str, str, str, str, bool]:
    """``(reason, registry, name, reference, detail, listed_by, is_retried)``, in no order."""
    listed_by = (
        select(func.min(sightings.c.url))
        .where(sightings.c.repository_id == repositories.c.id)
        .scalar_subquery()
        .label("listed_by")
    )
    name = (repositories.c.registry, repositories.c.name)
    is_retried = images.c.retry_at.is_not(None).label("is_retried")
    failed = (
        select(images.c.reason, *name, images.c.reference, images.c.detail, listed_by, is_retried)
        .join(repositories, repositories.c.id == images.c.repository_id)
        .where(or_(images.c.state == State.FAILED, images.c.missed_platforms.is_not(None)))
    )
    # Names that no download came to yet.
    is_untouched = ~exists().where(images.c.repository_id == repositories.c.id)
    invalid = select(literal(str(Reason.INVALID_NAME)), *name, null(), null(), listed_by, false()).where(
        and_(~repositories.c.is_pullable, is_untouched)
    )
    return union_all(failed, invalid)


def _grouped(failed: Select[str, str, str, bool]) -> Select[str, int, int, str, str]:
    """One row per reason of ``(reason, example, detail, is_retried)``: the first example by name."""
    each = failed.subquery()
    reason = each.c.reason
    ranked = select(
        each,
        func.count().over(partition_by=reason).label("count"),
        func.sum(case((each.c.is_retried, 1), else_=0)).over(partition_by=reason).label("retried"),
        func.row_number().over(partition_by=reason, order_by=each.c.example).label("position"),
    ).subquery()
    return (
        select(ranked.c.reason, ranked.c.count, ranked.c.retried, ranked.c.example, ranked.c.detail)
        .where(ranked.c.position == 1)
        .order_by(ranked.c.count.desc(), ranked.c.reason)
    )


def _failed_of(
    table: Table, example: ColumnElement[str], is_retried: ColumnElement[bool]
) -> Select[str, str, str, bool]:
    columns = table.c.reason, example.label("example"), table.c.detail, is_retried.label("is_retried")
    return select(*columns).where(table.c.state == State.FAILED)


def _tags_not_listed() -> Select[str, str, str, bool]:
    return select(
        tag_failures.c.reason,
        (repositories.c.registry + "/" + repositories.c.name).label("example"),
        tag_failures.c.detail,
        tag_failures.c.is_temporary.label("is_retried"),
    ).join(repositories, repositories.c.id == tag_failures.c.repository_id)


def _profiled_badly(table: Table, version: int) -> Select[str, str, str, bool]:
    columns = (
        table.c.status.label("reason"),
        table.c.digest.label("example"),
        table.c.reason.label("detail"),
        false().label("is_retried"),
    )
    return select(*columns).where(table.c.state == State.FAILED, table.c.profile_version == version)


def _images_that_failed() -> Select[str, str, str, bool]:
    failed = _failed_images().subquery()
    separator = case((failed.c.reference.like("%:%"), "@"), else_=":")
    reference = func.coalesce(separator + failed.c.reference, "")
    return select(
        failed.c.reason,
        (failed.c.registry + "/" + failed.c.name + reference).label("example"),
        failed.c.detail,
        failed.c.is_retried,
    )


# Of every kind of unit those that failed: (reason, example, detail, is_retried).
FAILED: Mapping[str, Select[str, str, str, bool]] = {
    "page": _failed_of(pages, pages.c.source + " " + pages.c.cursor, pages.c.is_temporary),
    "tag listing": _tags_not_listed(),
    "image": _images_that_failed(),
    "blob": _failed_of(blobs, blobs.c.digest, blobs.c.is_temporary),
    "layer": _profiled_badly(layer_profiles, LAYER_VERSION),
    "image profile": _profiled_badly(image_profiles, IMAGE_VERSION),
}
