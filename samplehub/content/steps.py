"""Steps of a build: each is one line of the catalogue, written like a line of a Dockerfile.

``FROM image`` starts from another image and shares its layers. The other instructions either make a layer
(:data:`LAYER_STEPS`) or change the configuration (:data:`CONFIG_STEPS`). A final ``!way`` says how the layer
is packed (:data:`samplehub.content.packaging.PACKAGINGS`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from samplehub.content.catalogue.applications import APPLICATIONS, LANGUAGE_PACKAGES
from samplehub.content.entries import Entry, in_walk_order, opaque, tar, whiteout
from samplehub.content.oddities import ODDITIES
from samplehub.content.packages import Package, database, package, records
from samplehub.content.packaging import Layer, empty_layer, foreign_layer, layer
from samplehub.content.shapes import Owner, files
from samplehub.content.systems import SYSTEMS, packages_of, root_file_system

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from samplehub.content.entries import Dialect


@dataclass(frozen=True, slots=True)
class Build:
    """An image under way.

    Attributes:
        arch: Architecture, as in Go: ``amd64``.
        dialect: How its layers write tar.
        system: Key of the base system, ``""`` for images from scratch.
        installed: System packages so far.
        tree: Path to entry, of all layers so far (for steps that change what is there).
        layers: Base first.
        history: ``created_by`` and the index of the layer it made, ``None`` for an empty step; oldest first.
        config: The ``config`` object of an image configuration.
    """

    arch: str
    dialect: Dialect = "pax"
    os: str = "linux"
    system: str = ""
    installed: tuple[Package, ...] = ()
    tree: Mapping[str, Entry] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    history: tuple[tuple[str, int | None], ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """Package manager of the base system."""
        return SYSTEMS[self.system].family if self.system else "none"


@dataclass(frozen=True, slots=True)
class Change:
    """What a layer step does: entries in archive order, the history line, packages added."""

    entries: list[Entry]
    created_by: str
    installed: tuple[Package, ...] = ()
    system: str = ""


def apply(build: Build, line: str) -> Build:
    """The build after one step."""
    text, _, packaging = line.strip().partition(" !")
    instruction, _, argument = text.partition(" ")
    if instruction in CONFIG_STEPS:
        return _record(replace(build, config=CONFIG_STEPS[instruction](build.config, argument)), text)
    if instruction in _BLOB_STEPS:
        made = _BLOB_STEPS[instruction](argument)
        return replace(
            build, layers=(*build.layers, made), history=(*build.history, (text, len(build.layers)))
        )
    if instruction == "OS":
        return replace(build, os=argument)
    return _add_layer(build, LAYER_STEPS[instruction](build, argument), packaging or "gzip")


def _record(build: Build, text: str) -> Build:
    return replace(build, history=(*build.history, (f"/bin/sh -c #(nop)  {text}", None)))


def _add_layer(build: Build, change: Change, packaging: str) -> Build:
    blob = layer(tar(change.entries, build.dialect), packaging)
    return replace(
        build,
        system=change.system or build.system,
        installed=(*build.installed, *change.installed),
        tree={**build.tree, **{entry.path: entry for entry in change.entries}},
        layers=(*build.layers, blob),
        history=(*build.history, (change.created_by, len(build.layers))),
    )


def _system(build: Build, name: str) -> Change:
    system = SYSTEMS[name]
    installed = packages_of(system, build.arch)
    entries = in_walk_order(root_file_system(system, build.arch, installed))
    return Change(entries, f"/bin/sh -c #(nop) ADD file:rootfs.tar.xz in / # {name}", installed, name)


_INSTALL_COMMANDS = {
    "dpkg": "apt-get update && apt-get install -y --no-install-recommends",
    "apk": "apk add --no-cache",
    "rpm": "dnf install -y",
}


def _install(build: Build, names: str) -> Change:
    """System packages that are not there yet, and the rewritten database of all."""
    present = {package.name for package in build.installed}
    added = tuple(
        package(name, build.family, build.system, build.arch) for name in names.split() if name not in present
    )
    entries = [
        *(entry for package in added for entry in package.files),
        *records(build.family, added),
        *database(build.family, (*build.installed, *added), build.arch),
    ]
    return Change(in_walk_order(entries), f"/bin/sh -c {_INSTALL_COMMANDS[build.family]} {names}", added)


def _language_packages(manager: str) -> Callable[[Build, str], Change]:
    below, bill, command = LANGUAGE_PACKAGES[manager]

    def install(build: Build, names: str) -> Change:
        entries = [
            entry
            for name in names.split()
            for entry in files(bill, Owner(name, f"{manager} {name}", build.arch), below.format(name=name))
        ]
        return Change(in_walk_order(entries), f"/bin/sh -c {command} {names}")

    return install


def _copy(build: Build, argument: str) -> Change:
    bill, target, *seed = argument.split()
    name = seed[0] if seed else bill
    below = "" if target == "/" else f"{target}/"
    entries = files(APPLICATIONS[bill], Owner(name, f"{bill} {name}", build.arch), below)
    return Change(in_walk_order(entries), f"/bin/sh -c #(nop) COPY dir:{name} in /{target.strip('/')} ")


def _change_mode(build: Build, argument: str) -> Change:
    """A layer that repeats every file below a directory with another mode: metadata only, all bytes again."""
    mode, target = argument.split()
    changed = [
        replace(entry, mode=int(mode, 8))
        for path, entry in build.tree.items()
        if path.startswith(f"{target}/") and entry.data
    ]
    return Change(in_walk_order(changed), f"/bin/sh -c chmod -R {mode} /{target}")


def _remove(_build: Build, paths: str) -> Change:
    return Change(
        in_walk_order(map(whiteout, paths.split())), f"/bin/sh -c rm -rf /{' /'.join(paths.split())}"
    )


def _replace(build: Build, argument: str) -> Change:
    """A directory made anew: opaque marker and other files."""
    copied = _copy(build, argument)
    target = argument.split()[1]
    return Change(
        in_walk_order([opaque(target), *copied.entries]),
        f"/bin/sh -c rm -rf /{target} && cp -r /new /{target}",
    )


def _odd(_build: Build, name: str) -> Change:
    return Change(ODDITIES[name](), f"/bin/sh -c #(nop) ADD {name}.tar in / ")


LAYER_STEPS: dict[str, Callable[[Build, str], Change]] = {
    "SYSTEM": _system,
    "INSTALL": _install,
    **{manager: _language_packages(manager) for manager in LANGUAGE_PACKAGES},
    "COPY": _copy,
    "CHMOD": _change_mode,
    "REMOVE": _remove,
    "REPLACE": _replace,
    "ODD": _odd,
}

_BLOB_STEPS: dict[str, Callable[[str], Layer]] = {
    "EMPTY": lambda _argument: empty_layer(),
    "FOREIGN": foreign_layer,
}


def _listed(key: str) -> Callable[[Mapping[str, Any], str], Mapping[str, Any]]:
    return lambda config, value: {**config, key: [*config.get(key, ()), value]}


def _keyed(key: str) -> Callable[[Mapping[str, Any], str], Mapping[str, Any]]:
    return lambda config, value: {**config, key: {**config.get(key, {}), value: {}}}


def _single(key: str) -> Callable[[Mapping[str, Any], str], Mapping[str, Any]]:
    return lambda config, value: {**config, key: value}


def _words(key: str) -> Callable[[Mapping[str, Any], str], Mapping[str, Any]]:
    return lambda config, value: {**config, key: value.split()}


def _label(config: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    key, _, value = text.partition("=")
    return {**config, "Labels": {**config.get("Labels", {}), key: value}}


CONFIG_STEPS: dict[str, Callable[[Mapping[str, Any], str], Mapping[str, Any]]] = {
    "ENV": _listed("Env"),
    "EXPOSE": _keyed("ExposedPorts"),
    "VOLUME": _keyed("Volumes"),
    "USER": _single("User"),
    "WORKDIR": _single("WorkingDir"),
    "STOPSIGNAL": _single("StopSignal"),
    "CMD": _words("Cmd"),
    "ENTRYPOINT": _words("Entrypoint"),
    "LABEL": _label,
}
