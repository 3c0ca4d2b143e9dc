"""The reference of all settings: for people (``hubcrawl settings``) and as ``docs/settings.md``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pipeline.config import DEFAULT_ORIGIN, Resolved, value_of
from pipeline.keys import GENERAL, Key, all_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

_TITLES = {
    GENERAL: ("General", "All commands; these keys stand at the top of the file, without a section."),
    "source": ("`[source]`", "Which registry, and how it is reached. Used by `crawl` and `download`."),
    "crawl": ("`[crawl]`", "Used by `crawl`."),
    "download": ("`[download]`", "Used by `download`."),
    "report": ("`[report]`", "Used by `report` and `query`."),
    "analyze": ("`[analyze]`", "Used by `analyze`."),
    "http": ("`[http]`", "Every request. Used by `crawl` and `download`."),
}

_EMPTY = '""'

_HEAD = """\
# Settings

Written by `hubcrawl settings --markdown`; do not edit.

Every key can be set in three ways. The first that is given wins:

1. as an option: `--parallel-images 4`;
2. as an environment variable: `HUBCRAWL_DOWNLOAD_PARALLEL_IMAGES=4`;
3. in `hubcrawl.toml`, in the current directory or named by `--config` (or `HUBCRAWL_CONFIG`):

       data = "/srv/census"

       [download]
       parallel_images = 4

An option is the key with dashes; where two sections of a command share a name it begins with
the section (`hubcrawl download --help` lists them). What is `true` or `false` is turned on by
`--again` and off by `--no-again`; a list is text with commas, or a list of TOML. Secrets are
never options, because other users of a machine see command lines; they are shown and recorded
nowhere.
"""


def as_text(resolved: Resolved) -> str:
    """Every key with its current value, where that comes from, default, unit and reason."""
    return "\n".join(line for key in all_keys() for line in _paragraph(key, resolved))


def as_markdown() -> str:
    """``docs/settings.md``."""
    return _HEAD + "".join(_section(section, list(keys)) for section, keys in _by_section())


def _by_section() -> Iterator[tuple[str, Iterator[Key]]]:
    return itertools.groupby(all_keys(), key=lambda key: key.section)


def _paragraph(key: Key, resolved: Resolved) -> Iterator[str]:
    origin = resolved.origins[key.dotted]
    value = key.show(value_of(resolved.settings, key)) or _EMPTY
    default = "" if origin == DEFAULT_ORIGIN else f", default {key.show(key.default) or _EMPTY}"
    unit = f" {key.unit}" if key.unit else ""
    yield f"{key.dotted} = {value}{unit}  ({origin}{default})"
    yield f"    {key.description}"


def _section(section: str, keys: list[Key]) -> str:
    title, use = _TITLES[section]
    rows = "".join(
        f"| `{key.name}` | {_code(key.show(key.default))} | {key.unit} | {_cell(key)} |\n" for key in keys
    )
    return f"\n## {title}\n\n{use}\n\n| key | default | unit | what, and why |\n|---|---|---|---|\n{rows}"


def _cell(key: Key) -> str:
    choices = f" One of {', '.join(f'`{choice}`' for choice in key.choices)}." if key.choices else ""
    return key.description.replace("|", "\\|") + choices


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
