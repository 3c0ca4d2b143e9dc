"""Options of the commands, built from the keys instead of written by hand."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.config import Given, Resolved, resolve
from pipeline.keys import GENERAL, Key, all_keys, option_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# The metavar of a switch, which otherwise seems to want a value.
NO_VALUE = ""

# Panels of `--help`, by section.
_PANELS = {
    GENERAL: "General",
    "source": "Source: which registry",
    "crawl": "Crawl",
    "download": "Download",
    "analyze": "Analyze",
    "report": "Report",
    "http": "HTTP",
}
_CONFIG = "config"

# What the parameter of ``--no-again`` ends with: it is an option of its own, since `--help` gives a second
# name a column of its own, for which a terminal of the usual width has no room.
_NEGATED = "__no"


def keys_of(sections: Sequence[str]) -> list[Key]:
    """The keys of ``sections``, in that order."""
    return [key for section in sections for key in all_keys() if key.section == section]


def with_options(sections: Sequence[str]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command ``(resolved, **flags) -> exit status`` the options of ``sections``.

    Typer reads a command's options from its signature; this builds that signature from the
    keys. ``--config`` comes with it. The other keyword parameters of the function stay.
    """
    keys = keys_of(sections)
    names = option_names(keys)

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def command(**given: Any) -> int:
            flags = {parameter.name: given.pop(parameter.name) for parameter in own}
            return function(resolve_command_line(given, names), **flags)

        command.__signature__ = inspect.Signature([*own, *_parameters(keys, names), _config_parameter()])  # type: ignore[attr-defined]
        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        return command

    return decorate


def resolve_command_line(given: Mapping[str, Any], names: Mapping[str, str]) -> Resolved:
    """The settings for what Typer parsed: parameters by :func:`identifier`, ``None`` where not given."""
    options = {}
    for dotted, name in names.items():
        if (value := given[identifier(dotted)]) is not None:
            options[dotted] = Given(value, name)
        if given.get(identifier(dotted) + _NEGATED):
            options[dotted] = Given(False, _negation(name))
    return resolve(options, os.environ, given[_CONFIG])


def identifier(dotted: str) -> str:
    """The Python parameter of a key: unique, whatever its option is called."""
    return dotted.replace(".", "__")


def _config_parameter() -> inspect.Parameter:
    option = typer.Option(
        "--config",
        help="Configuration file; without it `hubcrawl.toml` here is read, if there is one.",
        metavar="FILE",
        rich_help_panel=_PANELS[GENERAL],
    )
    return _parameter(_CONFIG, Path, option)


def _parameters(keys: Sequence[Key], names: Mapping[str, str]) -> Iterator[inspect.Parameter]:
    for key in keys:
        if key.dotted not in names:
            continue
        parameter, name = identifier(key.dotted), names[key.dotted]
        yield _parameter(parameter, _command_line_type(key), _option(key, name))
        if key.plain_type is bool:
            yield _parameter(parameter + _NEGATED, bool, typer.Option(_negation(name), hidden=True))


def _negation(name: str) -> str:
    """``--no-again`` of ``--again``."""
    return f"--no-{name.removeprefix('--')}"


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _option(key: Key, name: str) -> Any:
    return typer.Option(
        name,
        help=key.description + _choices_and_default(key, name),
        metavar=_metavar(key),
        show_default=False,
        rich_help_panel=_PANELS[key.section],
    )


def _choices_and_default(key: Key, name: str) -> str:
    """`` [v2|v1; default: v2]``; of a switch the way to turn it off again, too."""
    default = key.show(key.default)
    parts = ["|".join(key.choices), f"default: {default}" if default else ""]
    if key.plain_type is bool:
        parts.append(f"or {_negation(name)}")
    text = "; ".join(filter(None, parts))
    return f" [{text}]" if text else ""


def _command_line_type(key: Key) -> type:
    # Numbers too are taken as text, so that every complaint about a value reads the same,
    # wherever it was given.
    return bool if key.plain_type is bool else str


def _metavar(key: Key) -> str:
    if key.plain_type is bool:
        return NO_VALUE
    if key.choices:
        return "WORD,..." if key.is_list else "WORD"
    if key.unit:
        return key.unit.upper()
    return {int: "N", float: "N"}.get(key.plain_type, "TEXT")
