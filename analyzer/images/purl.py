"""Package URLs: one name for a package wherever it is spoken of (package-url/purl-spec)."""

from __future__ import annotations

from urllib.parse import quote

# Types whose packages are those of a distribution, which is their namespace.
_OF_DISTRIBUTIONS = frozenset({"deb", "apk", "rpm"})


def package_url(kind: str, name: str, version: str, architecture: str, distribution: str | None) -> str:
    """The package URL of a package.

    Args:
        kind: Its type, as in the specification: deb, apk, rpm, pypi, npm or another one.
        name: Its name; that of npm with its scope.
        version: Its version; that of an rpm with its epoch, ``epoch:version-release``.
        architecture: What it is built for, or ``""``.
        distribution: The distribution (``ID`` of os-release), where there is one.
    """
    qualifiers = {"arch": architecture} if kind in _OF_DISTRIBUTIONS else {}
    if kind == "rpm" and ":" in version:
        qualifiers["epoch"], _, version = version.partition(":")
    namespace, name = _name(kind, name, distribution)
    path = "/".join(_quoted(part) for part in (namespace, name) if part)
    query = "&".join(f"{key}={_quoted(value)}" for key, value in sorted(qualifiers.items()) if value)
    return f"pkg:{kind}/{path}{_after('@', _quoted(version))}{_after('?', query)}"


def _name(kind: str, name: str, distribution: str | None) -> tuple[str, str]:
    """Namespace and name, by the rules of the type."""
    if kind in _OF_DISTRIBUTIONS:
        return distribution or "", name if kind == "rpm" else name.lower()
    if kind == "npm":
        scope, _, plain = name.lower().rpartition("/")
        return scope, plain
    return "", name.lower().replace("_", "-") if kind == "pypi" else name


def _quoted(text: str) -> str:
    """All but letters, digits, ``.-_~`` and the colon is written as ``%HH``."""
    return quote(text.encode("utf-8", "replace"), safe=":")


def _after(mark: str, text: str) -> str:
    return f"{mark}{text}" if text else ""
