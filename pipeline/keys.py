"""Every settable key, derived from the structs that declare the settings (pure)."""

from __future__ import annotations

import difflib
import typing
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GENERAL = "general"
PREFIX = "HUBCRAWL_"

# UCUM symbols that people read as words, or not at all.
_UNITS = {"1": "", "B": "bytes"}


@dataclass(frozen=True, slots=True)
class Key:
    """One setting and its names.

    Attributes:
        section: The field of :class:`~pipeline.settings.Settings` that holds it.
        name: Its field there.
        type: The declared type, with its bounds.
        default: Its value when nothing sets it.
        description: What it is, and the reason for the default.
        unit: ``s``, ``bytes`` and the like; empty for counts and texts.
        is_secret: Never shown, never recorded, never an option.
    """

    section: str
    name: str
    type: Any
    default: Any
    description: str
    unit: str
    is_secret: bool

    @property
    def dotted(self) -> str:
        """Its name in messages and, by section, in the file: ``download.parallel_images``."""
        return self.name if self.section == GENERAL else f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Its environment variable: ``HUBCRAWL_DOWNLOAD_PARALLEL_IMAGES``."""
        return PREFIX + self.dotted.replace(".", "_").upper()

    @property
    def plain_type(self) -> Any:
        """The declared type without its bounds."""
        return (
            typing.get_args(self.type)[0] if typing.get_origin(self.type) is typing.Annotated else self.type
        )

    @property
    def choices(self) -> tuple[str, ...]:
        """The values allowed, each of them where it is a list, if they are few."""
        value = typing.get_args(self.plain_type)[0] if self.is_list else self.plain_type
        return typing.get_args(value) if typing.get_origin(value) is Literal else ()

    @property
    def is_list(self) -> bool:
        """Whether several values are given, with commas between."""
        return typing.get_origin(self.plain_type) is tuple

    def show(self, value: object) -> str:
        """``value`` as it would be written on a command line; secrets are hidden."""
        if self.is_secret:
            return "(secret)" if value else ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return ",".join(value) if isinstance(value, tuple) else str(value)


@cache
def all_keys() -> tuple[Key, ...]:
    """Every key, in the order of their declaration."""
    return tuple(
        _key(section.name, field)
        for section in msgspec.structs.fields(Settings)
        for field in msgspec.structs.fields(section.type)
    )


def option_names(keys: Sequence[Key]) -> dict[str, str]:
    """The option of each key by its dotted name: ``--parallel-images``.

    Where two of ``keys`` share a name it begins with the section.
    """
    visible = [key for key in keys if not key.is_secret]
    times = Counter(key.name for key in visible)
    return {
        key.dotted: "--"
        + (key.name if times[key.name] == 1 else f"{key.section}_{key.name}").replace("_", "-")
        for key in visible
    }


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` (did you mean …?)``, or nothing when no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def _key(section: str, field: msgspec.structs.FieldInfo) -> Key:
    metas = [meta for meta in typing.get_args(field.type)[1:] if isinstance(meta, msgspec.Meta)]
    extra = {name: value for meta in metas for name, value in (meta.extra_json_schema or {}).items()}
    unit = str(extra.get("unit", ""))
    return Key(
        section=section,
        name=field.name,
        type=field.type,
        default=field.default,
        description=" ".join(meta.description for meta in metas if meta.description),
        unit=_UNITS.get(unit, unit),
        is_secret=bool(extra.get("secret", False)),
    )
