"""ChainIDs: the names of layers upon each other (OCI image-spec, config.md#layer-chainid)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Two blocks of zeros: the tar without an entry that Docker wrote for every step that changed no file.
EMPTY_DIFFID = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

# Kinds of manifests that list such a layer for every step that changed no file. Later ones have none, so that
# the ChainIDs of the same image agree only without it.
KINDS_WITH_EMPTY_LAYERS = frozenset({"schema1", "schema1_signed", "v1_image"})


def chain_ids(diffids: Sequence[str | None], *, skips_empty: bool = False) -> list[str | None]:
    """The ChainID at each layer, base first; ``None`` from the first layer on whose DiffID is not known.

    Args:
        diffids: DiffIDs of the layers.
        skips_empty: Whether layers without an entry do not count and have the ChainID of the one below
            (``None`` at the very base).
    """
    chain: list[str | None] = []
    below: str | None = ""
    for diffid in diffids:
        if diffid is None or below is None:
            below = None
        elif not (skips_empty and diffid == EMPTY_DIFFID):
            below = _chain_id(below, diffid)
        chain.append(below or None)
    return chain


def _chain_id(below: str, diffid: str) -> str:
    return f"sha256:{sha256(f'{below} {diffid}'.encode()).hexdigest()}" if below else diffid
