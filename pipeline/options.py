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
    from collections.abc import Callable, Mapping, Sequence

# Panels of `--help`, by section.
_PANELS = {
    GENERAL: "General",
    "source": "Source: which registry",
    "crawl": "Crawl",
    "download": "Download",
    "analyze": "Analyze",
    "http": "HTTP",
}
_CONFIG = "config"


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
    by_identifier = {identifier(dotted): dotted for dotted in names}
    options = {
        by_identifier[name]: Given(value, names[by_identifier[name]])
        for name, value in given.items()
        if name != _CONFIG and value is not None
    }
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


def _parameters(keys: Sequence[Key], names: Mapping[str, str]) -> list[inspect.Parameter]:
    return [
        _parameter(identifier(key.dotted), _command_line_type(key), _option(key, names[key.dotted]))
        for key in keys
        if key.dotted in names
    ]


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _option(key: Key, name: str) -> Any:
    default = key.show(key.default)
    return typer.Option(
        f"{name}/--no-{name.removeprefix('--')}" if key.plain_type is bool else name,
        help=key.description + (f" [default: {default}]" if default else ""),
        metavar=_metavar(key),
        show_default=False,
        rich_help_panel=_PANELS[key.section],
    )


def _command_line_type(key: Key) -> type:
    # Numbers too are taken as text, so that every complaint about a value reads the same,
    # wherever it was given.
    return bool if key.plain_type is bool else str


def _metavar(key: Key) -> str | None:
    if key.plain_type is bool:
        return None
    if key.choices:
        return "|".join(key.choices) + (",..." if key.is_list else "")
    if key.unit:
        return key.unit.upper()
    return {int: "N", float: "N"}.get(key.plain_type, "TEXT")
