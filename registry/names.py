"""Names of images: repositories, tags and references (distribution-spec, "Pulling manifests")."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.digests import Digest

# distribution-spec, <name>. The separators share no character with the parts they join: matching is linear.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)

# Characters; distribution/reference, NameTotalLengthMax. Docker Hub has the same bound.
MAX_NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Reference:
    """What a person types to name an image.

    Attributes:
        registry: ``host[:port]`` in lower case; ``None`` when the text names none.
        repository: As typed: ``debian`` stays ``debian``, see :func:`hub_repository`.
        tag: ``None`` when the text names none.
        digest: ``None`` when the text names none.
    """

    registry: str | None
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        """The text that :func:`parse_reference` reads back as this reference."""
        host = f"{self.registry}/" if self.registry else ""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{host}{self.repository}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Read ``[host[:port]/]repository[:tag][@digest]``.

    The first part is a host only if a ``/`` follows and it has a ``.``, a ``:`` or an upper-case
    letter, or is ``localhost``: the rule of Docker's command line.

    Raises:
        ValueError: One clear sentence for the person who typed it.
    """
    name, at, digest_text = text.partition("@")
    registry, path = _split_host(name)
    repository, colon, tag = path.partition(":")
    refused = f"{text[:300]!r} is not an image name"
    if registry is not None and not _HOST.fullmatch(registry):
        raise ValueError(f"{refused}: {registry[:100]!r} is not a host")
    if not is_repository_name(repository):
        raise ValueError(f"{refused}: {repository[:100]!r} is not the name of a repository")
    if colon and not is_tag(tag):
        raise ValueError(f"{refused}: {tag[:150]!r} is not a tag")
    digest = Digest.parse(digest_text) if at else None
    return Reference(registry, repository, tag if colon else None, digest)


def is_repository_name(name: str) -> bool:
    """Whether ``name`` fits the grammar of distribution: any number of parts, 255 characters in all."""
    return len(name) <= MAX_NAME_LENGTH and _REPOSITORY.fullmatch(name) is not None


def is_tag(text: str) -> bool:
    """Whether ``text`` fits the grammar of a tag: 1 to 128 characters."""
    return _TAG.fullmatch(text) is not None


def hub_repository(name: str) -> str:
    """The name under which Docker Hub keeps ``name``: its official images live in ``library/``."""
    return name if "/" in name else f"library/{name}"


def _split_host(name: str) -> tuple[str | None, str]:
    first, slash, rest = name.partition("/")
    if slash and _is_host(first):
        return first.lower(), rest
    return None, name


def _is_host(part: str) -> bool:
    return "." in part or ":" in part or part == "localhost" or part != part.lower()
