"""What an image has in common with others: bases by ChainID, shared layers, and how both change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from corpus.catalog import Catalog, open_catalog
from corpus.catalog.plan import Order
from corpus.chains import EMPTY_DIFFID, chain_ids
from corpus.layout import Layout
from corpus.records import (
    FetchedManifest,
    ImageProfileTask,
    ProfileOutcome,
    Registry,
    RepositoryRecord,
    Surroundings,
)
from registry.digests import Digest
from registry.manifests import parse_manifest
from tests.corpus.conftest import REGISTRY, a_manifest, done

BASE, MIDDLE, TOP, OTHER = (b"base",), (b"base", b"middle"), (b"base", b"middle", b"top"), (b"base", b"other")


def diffid(layer: bytes) -> str:
    return EMPTY_DIFFID if layer == b"empty" else f"sha256:{Digest.of(b'tar of ' + layer).encoded}"


async def fetch(catalog: Catalog, *manifests: FetchedManifest) -> dict[Digest, int]:
    """Fetch an image per manifest, of a repository that has its name; the number of each image."""
    by_name = {f"a/{each.manifest.blob_digest.encoded}": each for each in manifests}
    listing = " ".join(by_name)
    await catalog.repositories.start_listing(listing, ["1"])
    for page in await catalog.repositories.pending_pages(listing, 1):
        rows = [*map(RepositoryRecord, by_name)]
        await catalog.repositories.finish_page(page, REGISTRY, rows, url="", next_cursors=(), now=1.0)
    await catalog.images.expand([REGISTRY], "latest", ["latest"], 100)
    await catalog.plan.make(Order((REGISTRY,)))
    tasks = await catalog.images.pending([REGISTRY], "linux/amd64", limit=100)
    outcomes = [done(task.id, by_name[task.repository]) for task in tasks if task.repository in by_name]
    await catalog.contents.record(outcomes, 2.0)
    return {each.manifests[0].manifest.blob_digest: each.task_id for each in outcomes}


async def read_layers(catalog: Catalog, *, unknown: Sequence[bytes] = ()) -> None:
    """Record a profile for every layer that has none."""
    known = {Digest.of(layer): layer for layer in (b"base", b"middle", b"top", b"other", b"empty")}
    outcomes = []
    for task in await catalog.profiles.pending_layers(after=None, limit=100):
        layer = known[task.digest]
        totals = {"diffid": None if layer in unknown else diffid(layer)}
        outcomes.append(ProfileOutcome(task.digest, "complete", None, 0.1, totals))
    await catalog.profiles.record_layers(outcomes, 3.0)


async def profile(catalog: Catalog) -> dict[Digest, Surroundings]:
    """Profile every image that is pending; what each was told of its surroundings."""
    await catalog.profiles.settle_images()
    tasks = await catalog.profiles.pending_images(after=None, limit=100)
    await catalog.profiles.record_images([_profiled(task) for task in tasks], 4.0)
    return {task.manifest_digest: task.surroundings for task in tasks}


def _profiled(task: ImageProfileTask) -> ProfileOutcome:
    totals = {"surroundings": task.surroundings.key()}
    return ProfileOutcome(task.manifest_digest, "complete", None, 0.1, totals)


def name(layers: Sequence[bytes]) -> Digest:
    return a_manifest(*layers).manifest.blob_digest


def chain(layers: Sequence[bytes]) -> str | None:
    return chain_ids([diffid(layer) for layer in layers])[-1]


async def test_the_base_is_the_longest_chain_that_another_image_has(catalog: Catalog) -> None:
    """Of all images whose layers are a proper beginning of an image's layers, the one with the most."""
    await fetch(catalog, *(a_manifest(*layers) for layers in (BASE, MIDDLE, TOP, OTHER)))
    await read_layers(catalog)
    found = await profile(catalog)
    base, middle = Digest.of(b"base"), Digest.of(b"middle")
    assert found == {
        name(BASE): Surroundings(shared=(base,)),
        name(MIDDLE): Surroundings(chain(BASE), (name(BASE),), 1, tuple(sorted((base, middle)))),
        name(TOP): Surroundings(chain(MIDDLE), (name(MIDDLE),), 2, tuple(sorted((base, middle)))),
        name(OTHER): Surroundings(chain(BASE), (name(BASE),), 1, (base,)),
    }
    assert await profile(catalog) == {}


async def test_an_image_that_gains_a_better_base_is_profiled_again(catalog: Catalog) -> None:
    """And nothing else is: whom the new one does not concern keeps its profile."""
    await fetch(catalog, *(a_manifest(*layers) for layers in (BASE, TOP, OTHER)))
    await read_layers(catalog)
    first = await profile(catalog)
    assert first[name(TOP)].base == (name(BASE),)
    await fetch(catalog, a_manifest(*MIDDLE))
    await read_layers(catalog)
    assert await catalog.profiles.count_pending_images() == 1
    found = await profile(catalog)
    assert found.keys() == {name(MIDDLE), name(TOP)}
    assert found[name(TOP)].base == (name(MIDDLE),)
    assert await catalog.profiles.count_pending_images() == 0


async def test_the_order_of_work_does_not_matter(tmp_path: Path) -> None:
    """Whichever image comes first, in the end each has the same surroundings."""
    every = []
    for number, order in enumerate(permutations((BASE, MIDDLE, TOP))):
        layout = Layout(tmp_path / f"{number}")
        layout.ensure()
        async with open_catalog(layout) as catalog:
            await catalog.repositories.add_registry(Registry(REGISTRY, ""))
            found: dict[Digest, Surroundings] = {}
            for layers in order:
                await fetch(catalog, a_manifest(*layers))
                await read_layers(catalog)
                found |= await profile(catalog)
            every.append(found)
    assert all(found == every[0] for found in every)


async def test_a_layer_is_shared_from_the_second_image_on(catalog: Catalog) -> None:
    """The first one is told so once, and not again with every further image."""
    await fetch(catalog, a_manifest(*BASE))
    await read_layers(catalog)
    assert await profile(catalog) == {name(BASE): Surroundings()}
    await fetch(catalog, a_manifest(*OTHER))
    await read_layers(catalog)
    assert (await profile(catalog))[name(BASE)].shared == (Digest.of(b"base"),)
    await fetch(catalog, a_manifest(*MIDDLE))
    await read_layers(catalog)
    assert name(BASE) not in await profile(catalog)


async def test_images_of_the_same_layers_are_bases_together(catalog: Catalog) -> None:
    """At most four of them, by digest, and an image is no base of one with the same layers."""
    same = [variant(BASE, number) for number in range(6)]
    await fetch(catalog, *same, a_manifest(*MIDDLE))
    await read_layers(catalog)
    found = await profile(catalog)
    assert found[name(MIDDLE)].base == tuple(sorted(each.manifest.blob_digest for each in same))[:4]
    assert all(found[each.manifest.blob_digest].base_chain is None for each in same)


async def test_a_layer_without_diffid_ends_the_chain(catalog: Catalog) -> None:
    """Below it a base is found; the image itself is none, until the layer could be read."""
    await fetch(catalog, *(a_manifest(*layers) for layers in (BASE, MIDDLE, TOP)))
    await read_layers(catalog, unknown=[b"middle"])
    found = await profile(catalog)
    assert found[name(TOP)].base == found[name(MIDDLE)].base == (name(BASE),)
    totals = {"diffid": diffid(b"middle")}
    read = ProfileOutcome(Digest.of(b"middle"), "complete", None, 0.1, totals)
    await catalog.profiles.record_layers([read], 5.0)
    assert (await profile(catalog))[name(TOP)].base == (name(MIDDLE),)


async def test_schema_1_is_the_base_of_what_was_built_on_it(catalog: Catalog) -> None:
    """Its layers for steps that changed no file are left out of the chain: later manifests have none."""
    first = schema_1(b"base", b"empty")
    await fetch(catalog, first, a_manifest(*MIDDLE))
    await read_layers(catalog)
    found = await profile(catalog)
    assert found[name(MIDDLE)].base == (first.manifest.blob_digest,)
    assert found[name(MIDDLE)].base_layers == 1


async def test_no_image_is_built_on_nothing(catalog: Catalog) -> None:
    """An image without layers, or only with such, has no chain."""
    await fetch(catalog, a_manifest(), schema_1(b"empty"), a_manifest(*BASE))
    await read_layers(catalog)
    assert {each.base_chain for each in (await profile(catalog)).values()} == {None}


async def test_a_base_that_is_withdrawn_is_none_any_more(catalog: Catalog) -> None:
    """Its manifest was lost: the image is profiled again, with what remains."""
    await fetch(catalog, *(a_manifest(*layers) for layers in (BASE, MIDDLE, TOP)))
    await read_layers(catalog)
    await profile(catalog)
    await catalog.verification.withdraw([name(MIDDLE)], [])
    found = await profile(catalog)
    assert found.keys() == {name(TOP)}
    assert found[name(TOP)].base == (name(BASE),)


async def test_what_no_tag_leads_to_any_more_is_no_base(catalog: Catalog) -> None:
    """Else it would depend on whether its layers were read before the tag moved on."""
    images = await fetch(catalog, a_manifest(*BASE), a_manifest(*TOP))
    await read_layers(catalog)
    assert (await profile(catalog))[name(TOP)].base == (name(BASE),)
    await catalog.contents.record([done(images[name(BASE)], a_manifest(*OTHER))], 3.0)
    await read_layers(catalog)
    found = await profile(catalog)
    assert {digest: each.base_chain for digest, each in found.items()} == {name(OTHER): None, name(TOP): None}


async def test_the_chain_of_a_misread_layer_is_forgotten(catalog: Catalog) -> None:
    """Its DiffID was that of other bytes; read again, it leads to the bases anew."""
    await fetch(catalog, *(a_manifest(*layers) for layers in (BASE, OTHER)))
    await read_layers(catalog)
    first = await profile(catalog)
    base = Digest.of(b"base")
    await catalog.verification.withdraw([base], [base])
    assert await profile(catalog) == {}
    await fetch(catalog, *(a_manifest(*layers) for layers in (BASE, OTHER)))
    await read_layers(catalog)
    assert await profile(catalog) == first


def variant(layers: Sequence[bytes], number: int) -> FetchedManifest:
    """Another manifest with the same layers."""
    manifest = a_manifest(*layers)
    described = [
        {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size_bytes}
        for layer in manifest.manifest.layers
    ]
    assert manifest.manifest.config is not None
    config = manifest.manifest.config
    body = {
        "schemaVersion": 2,
        "config": {"mediaType": config.media_type, "digest": config.digest, "size": config.size_bytes},
        "layers": described,
        "annotations": {"number": str(number)},
    }
    return FetchedManifest(parse_manifest(json.dumps(body).encode(), None), manifest.content_type, None)


def schema_1(*layers: bytes) -> FetchedManifest:
    """A manifest of schema 1; it lists its newest layer first."""
    body = {
        "schemaVersion": 1,
        "name": "a/b",
        "tag": "latest",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": Digest.of(layer)} for layer in reversed(layers)],
        "history": [
            {"v1Compatibility": json.dumps({"id": f"{number:064x}"})} for number in range(len(layers))
        ],
    }
    kind = "application/vnd.docker.distribution.manifest.v1+json"
    return FetchedManifest(parse_manifest(json.dumps(body).encode(), kind), kind, None)
