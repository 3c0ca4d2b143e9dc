"""Turning repositories into images by a tag rule: conditions and statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case, delete, func, insert, literal_column, not_, or_, select, update

from corpus.catalog.database import Row, upsert
from corpus.catalog.plan import forget_plan
from corpus.catalog.schema import images, repositories, tag_failures
from corpus.records import State
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.records import Failure


def not_expanded(registries: Sequence[str], rule: str) -> ColumnElement[bool]:
    """Whether a repository is of one of these registries, and the rule was not the last applied to it."""
    return and_(
        is_of(registries),
        or_(repositories.c.tags_rule.is_(None), repositories.c.tags_rule != rule),
    )


def is_of(registries: Sequence[str]) -> ColumnElement[bool]:
    """Whether a repository is of one of these registries, where these are most of what there is.

    An expression, so that no database begins at the index of names, and sorts a million for each page.
    """
    return func.coalesce(repositories.c.registry, "").in_(registries)


def keeps_its_own_reference() -> ColumnElement[bool]:
    """Whether a list named the images of a repository, and no rule ever chose one."""
    theirs = select(images.c.id).where(images.c.repository_id == repositories.c.id)
    return and_(theirs.exists(), not_(theirs.where(images.c.tags_rule.is_not(None)).exists()))


def has_tags_to_list() -> ColumnElement[bool]:
    """Whether a registry is to be asked for the tags of a repository, where the rule does not name them."""
    return and_(repositories.c.is_pullable, not_(keeps_its_own_reference()))


async def choose(
    connection: AsyncConnection, rule: str, rows: Sequence[Row], expanded: Sequence[Row]
) -> None:
    """Make ``rows`` the images that the rule chooses of the repositories ``expanded``, and the plan stale.

    Images that a list named stay the list's; those that the rule chose before, and not now, are nobody's.
    """
    is_stale = and_(images.c.repository_id == bindparam("repository"), images.c.tags_rule == rule)
    await connection.execute(update(images).where(is_stale).values(tags_rule=""), expanded)
    is_named = images.c.tags_rule.is_(None)
    chosen_by = {"tags_rule": case((is_named, None), else_=literal_column("excluded.tags_rule"))}
    await upsert(connection, images, rows, key=["repository_id", "reference"], update=chosen_by)
    by_id = repositories.c.id == bindparam("repository")
    await connection.execute(update(repositories).where(by_id).values(tags_rule=rule), expanded)
    await forget_plan(connection)


def image_row(repository_id: int, rule: str, tag: str, invalid_name: str | None = None) -> Row:
    """An image to fetch, or one that failed because the name of its repository is invalid."""
    row: Row = {
        "repository_id": repository_id,
        "reference": tag,
        "tags_rule": rule,
        "state": State.PENDING,
        "reason": None,
        "detail": None,
        "is_temporary": None,
    }
    if invalid_name is None:
        return row
    detail = f"{invalid_name!r} breaks the image-name grammar: it cannot be pulled"
    why = {"reason": Reason.INVALID_NAME, "detail": detail, "is_temporary": False}
    return row | {"state": State.FAILED} | why


async def note_tag_failure(connection: AsyncConnection, repository_id: int, failure: Failure | None) -> None:
    """Keep why the tags of a repository could not be listed, instead of what was kept; or forget that."""
    await connection.execute(delete(tag_failures).where(tag_failures.c.repository_id == repository_id))
    if failure is not None:
        row = {
            "repository_id": repository_id,
            "reason": failure.reason,
            "detail": failure.detail,
            "is_temporary": failure.is_temporary,
        }
        await connection.execute(insert(tag_failures), row)
