"""When images were built: what "newest" means where no site of a hub tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.dates import instant
from registry.documents import parse_document, text_or_empty
from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from corpus.records import FetchedBlob, FetchedManifest
    from registry.manifests import Manifest

# A configuration is decoded in memory, at some ten times its size; real ones have a few KiB.
MAX_CONFIG_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Dated:
    """An image, and all that was fetched to know when it was built.

    Attributes:
        created: ISO 8601; ``None`` when it does not say.
        manifests: In the store.
        blobs: Configurations, in the store or failed.
    """

    created: str | None
    manifests: tuple[FetchedManifest, ...] = ()
    blobs: tuple[FetchedBlob, ...] = ()


def created_of(image: Manifest, config: bytes | None) -> str | None:
    """``created`` of a configuration (image-spec, config.md), or of the top of a schema 1 history."""
    if image.history:
        return text_or_empty(image.history[-1].get("created")) or None
    try:
        return text_or_empty(parse_document(config or b"").body.get("created")) or None
    except RegistryError:
        return None


def latest(dates: Iterable[str | None]) -> str | None:
    """The last of some dates: an image of several platforms is as new as its newest."""
    return max(dates, key=instant, default=None)
