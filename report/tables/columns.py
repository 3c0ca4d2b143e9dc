"""Tables and columns as values; those that hold a field of a profile are derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class Form(StrEnum):
    """How a value of a profile is put into a column."""

    PLAIN = "plain"
    WORDS = "words"  # a list of words of ours: one text, spaces between
    JSON = "json"  # any other list or object: its JSON as text


_FORM_NOTES = {Form.PLAIN: "", Form.WORDS: " Words, with spaces between.", Form.JSON: " JSON."}

_SQL_TYPES: dict[type, str] = {
    inspect.IntType: "BIGINT",
    inspect.FloatType: "DOUBLE",
    inspect.BoolType: "BOOLEAN",
    inspect.StrType: "VARCHAR",
    inspect.EnumType: "VARCHAR",
}
_LISTS = (inspect.VarTupleType, inspect.ListType, inspect.TupleType)


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Its name.
        type: Its type in SQL; no type is nested.
        unit: ``B``, ``s``, ``levels`` and the like; empty for what has none.
        definition: What it holds.
        path: The names that lead to its value in a profile; empty where it is from elsewhere.
        form: How that value becomes its.
        default: The value of a row of a profile that leaves it out.
    """

    name: str
    type: str
    unit: str
    definition: str
    path: tuple[str, ...] = ()
    form: Form = Form.PLAIN
    default: object = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table: a folder of Parquet files.

    Attributes:
        name: Its name, and that of the folder.
        row: What one row is.
        columns: In their order.
    """

    name: str
    row: str
    columns: tuple[Column, ...]

    def row_of(self, document: msgspec.Struct, **others: object) -> dict[str, object]:
        """The row of a profile; ``others`` are the columns that are from elsewhere."""
        return {
            column.name: _value(document, column) if column.path else others[column.name]
            for column in self.columns
        }


def columns_of(
    struct: type[msgspec.Struct],
    *,
    within: Sequence[str] = (),
    prefix: str = "",
    only: Collection[str] = (),
    without: Collection[str] = (),
    names: Mapping[str, str] | None = None,
) -> tuple[Column, ...]:
    """A column for each field of a struct that is no struct itself.

    Args:
        struct: The type of a profile, or of a part of one.
        within: The names that lead from the profile to that part.
        prefix: What the names of the columns begin with.
        only: The fields that are wanted; all if empty.
        without: Fields that are left out.
        names: Other names for columns, by field.
    """
    found = []
    for field in inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        if field.name in without or (only and field.name not in only):
            continue
        described = field.type
        kind = described.type if isinstance(described, inspect.Metadata) else described
        sql = _sql_type(kind)
        if sql is None:
            continue
        notes = (described.extra_json_schema or {}) if isinstance(described, inspect.Metadata) else {}
        name = (names or {}).get(field.name, prefix + field.name)
        form = _form(kind)
        found.append(
            Column(
                name=name,
                type=sql,
                unit=_unit(notes.get("unit", "")),
                definition=notes.get("description", "") + _FORM_NOTES[form],
                path=(*within, field.name),
                form=form,
                default=None if field.default is msgspec.NODEFAULT else field.default,
            )
        )
    return tuple(found)


def _unit(unit: str) -> str:
    return "levels" if unit == "path components" else unit


def _bare(kind: inspect.Type) -> inspect.Type:
    """The type without ``| None``."""
    if isinstance(kind, inspect.UnionType):
        return next(each for each in kind.types if not isinstance(each, inspect.NoneType))
    return kind


def _sql_type(kind: inspect.Type) -> str | None:
    bare = _bare(kind)
    if _form(kind) is not Form.PLAIN:
        return "VARCHAR"
    return _SQL_TYPES.get(type(bare))


def _form(kind: inspect.Type) -> Form:
    bare = _bare(kind)
    if isinstance(bare, inspect.VarTupleType) and isinstance(bare.item_type, inspect.EnumType):
        return Form.WORDS
    is_list = isinstance(bare, _LISTS) and not isinstance(_item(bare), inspect.StructType)
    return Form.JSON if is_list or isinstance(bare, inspect.DictType) else Form.PLAIN


def _item(kind: inspect.Type) -> object:
    return getattr(kind, "item_type", None)


def _value(document: Any, column: Column) -> object:
    value = document
    for name in column.path:
        value = getattr(value, name)
        if value is None:
            return None
    if column.form is Form.WORDS:
        return " ".join(value)
    return msgspec.json.encode(value).decode() if column.form is Form.JSON else value
