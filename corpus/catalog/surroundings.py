"""What images have in common: the layers that others list too, and which one is built on which."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import exists, select, update

from corpus.catalog.database import IN_CHUNK, uninterrupted
from corpus.catalog.schema import (
    image_chains,
    image_manifests,
    image_profiles,
    images,
    layer_profiles,
    manifest_layers,
    manifests,
)
from corpus.chains import KINDS_WITH_EMPTY_LAYERS, chain_ids
from corpus.profiles.image import IMAGE_VERSION
from corpus.records import State, Surroundings
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.catalog.database import Database

# Manifests named as the base of one image. Many images may have the very same layers.
_MAX_BASES = 4
_PAGE = 500
# Of a profile that is to be made anew.
_NO_VERSION = 0


class _Layer(NamedTuple):
    manifest: str
    kind: str
    digest: str
    diffid: str | None
    is_shared: bool


def is_fetched(manifest_digest: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether an image fetched consists of this manifest."""
    # One within the other: a join of both tables would be made anew, from all images, for each manifest.
    is_done = exists().where(images.c.id == image_manifests.c.image_id, images.c.state == State.DONE)
    return exists().where(image_manifests.c.manifest_digest == manifest_digest, is_done)


async def record_chains(database: Database) -> None:
    """Record the ChainID of every image fetched whose layers all have a DiffID by now."""
    after: str | None = ""
    while after is not None:
        after = await _record_some_chains(database, after)


async def reopen_changed(database: Database) -> None:
    """Have images profiled again whose profile tells of other surroundings than they have now."""
    recorded = select(image_profiles.c.digest, image_profiles.c.surroundings).where(
        image_profiles.c.profile_version == IMAGE_VERSION
    )
    query, after = recorded.order_by(image_profiles.c.digest).limit(_PAGE), ""
    while True:
        async with database.read() as connection:
            rows = (await connection.execute(query.where(image_profiles.c.digest > after))).all()
            around = await surroundings_of(connection, [digest for digest, _ in rows])
        if not rows:
            return
        after = rows[-1][0]
        if changed := [digest for digest, key in rows if key != around[digest].key()]:
            await _reopen(database, changed)


@uninterrupted
async def _record_some_chains(database: Database, after: str) -> str | None:
    """Go on behind a digest; the last one of this page, ``None`` if there was none."""
    has_unknown = exists().where(
        manifest_layers.c.manifest_digest == manifests.c.digest,
        ~exists().where(
            layer_profiles.c.digest == manifest_layers.c.digest, layer_profiles.c.diffid.is_not(None)
        ),
    )
    is_recorded = exists().where(image_chains.c.manifest_digest == manifests.c.digest)
    query = (
        select(manifests.c.digest)
        .where(manifests.c.digest > after, is_fetched(manifests.c.digest), ~is_recorded, ~has_unknown)
        .order_by(manifests.c.digest)
        .limit(_PAGE)
    )
    async with database.write() as connection:
        digests = (await connection.execute(query)).scalars().all()
        chains = {digest: _chain(layers) for digest, layers in await _layers_of(connection, digests)}
        rows = [
            {"manifest_digest": digest, "chain_id": chains[digest][-1] if digest in chains else None}
            for digest in digests
        ]
        if rows:
            await connection.execute(image_chains.insert(), rows)
    return digests[-1] if digests else None


@uninterrupted
async def _reopen(database: Database, digests: Sequence[str]) -> None:
    stale = update(image_profiles).where(image_profiles.c.digest.in_(digests))
    async with database.write() as connection:
        await connection.execute(stale.values(profile_version=_NO_VERSION))


async def surroundings_of(connection: AsyncConnection, digests: Sequence[str]) -> dict[str, Surroundings]:
    """The surroundings of images, by the digests of their manifests."""
    layers = dict(await _layers_of(connection, digests))
    chains = {digest: _chain(of_image) for digest, of_image in layers.items()}
    wanted = {chain_id for chain in chains.values() for chain_id in chain[:-1] if chain_id}
    known = await _known_chains(connection, wanted)
    found = {digest: _base_of(chain, known) for digest, chain in chains.items()}
    bases = {chain_id: await _bases(connection, chain_id) for chain_id, _ in found.values() if chain_id}
    return {
        digest: _surroundings(layers.get(digest, ()), *found.get(digest, (None, 0)), bases)
        for digest in digests
    }


def _surroundings(
    layers: Sequence[_Layer], chain_id: str | None, base_layers: int, bases: dict[str, tuple[Digest, ...]]
) -> Surroundings:
    shared = tuple(sorted({Digest(layer.digest) for layer in layers if layer.is_shared}))
    if chain_id is None:
        return Surroundings(shared=shared)
    return Surroundings(chain_id, bases[chain_id], base_layers, shared)


def _chain(layers: Sequence[_Layer]) -> list[str | None]:
    skips_empty = any(layer.kind in KINDS_WITH_EMPTY_LAYERS for layer in layers)
    return chain_ids([layer.diffid for layer in layers], skips_empty=skips_empty)


def _base_of(chain: Sequence[str | None], known: set[str]) -> tuple[str | None, int]:
    """The longest proper beginning of a chain that is known, and how many layers it has."""
    top = chain[-1]
    for chain_id in reversed(chain):
        if chain_id is not None and chain_id != top and chain_id in known:
            return chain_id, chain.index(chain_id) + 1
    return None, 0


async def _layers_of(connection: AsyncConnection, digests: Sequence[str]) -> list[tuple[str, list[_Layer]]]:
    """The layers of each manifest that has any, base first."""
    found: list[tuple[str, list[_Layer]]] = []
    for start in range(0, len(digests), IN_CHUNK):
        query = _layer_query().where(manifests.c.digest.in_(digests[start : start + IN_CHUNK]))
        rows = [_Layer(*row) for row in await connection.execute(query)]
        found += [(digest, list(layers)) for digest, layers in groupby(rows, itemgetter(0))]
    return found


def _layer_query() -> Select[str, str, str, str | None, bool]:
    other = manifest_layers.alias()
    is_shared = exists().where(
        other.c.digest == manifest_layers.c.digest,
        other.c.manifest_digest != manifest_layers.c.manifest_digest,
        is_fetched(other.c.manifest_digest),
    )
    return (
        select(
            manifests.c.digest,
            manifests.c.kind,
            manifest_layers.c.digest,
            layer_profiles.c.diffid,
            is_shared,
        )
        .join(manifest_layers, manifest_layers.c.manifest_digest == manifests.c.digest)
        .outerjoin(layer_profiles, layer_profiles.c.digest == manifest_layers.c.digest)
        .order_by(manifests.c.digest, manifest_layers.c.position)
    )


async def _known_chains(connection: AsyncConnection, wanted: Iterable[str]) -> set[str]:
    """Those that are the whole chain of some image."""
    known: set[str] = set()
    chain_list = sorted(wanted)
    for start in range(0, len(chain_list), IN_CHUNK):
        query = _bases_of(chain_list[start : start + IN_CHUNK]).distinct()
        known.update((await connection.execute(query.with_only_columns(image_chains.c.chain_id))).scalars())
    return known


async def _bases(connection: AsyncConnection, chain_id: str) -> tuple[Digest, ...]:
    query = _bases_of([chain_id]).order_by(image_chains.c.manifest_digest).limit(_MAX_BASES)
    return tuple(map(Digest, (await connection.execute(query)).scalars()))


def _bases_of(chains: Sequence[str]) -> Select[str]:
    """Images with these chains; a chain stays recorded though no tag leads to its image any more."""
    return select(image_chains.c.manifest_digest).where(
        image_chains.c.chain_id.in_(chains), is_fetched(image_chains.c.manifest_digest)
    )
