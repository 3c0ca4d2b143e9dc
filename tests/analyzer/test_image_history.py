"""The history of a v1 image, out of the JSONs of its ancestry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.images import history
from analyzer.images.history import v1_history
from corpus.blobs import BlobStore
from corpus.layout import Layout
from registry.digests import Digest
from registry.errors import RegistryError
from registry.v1_images import V1Layer, write_image


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.ensure()
    return layout


def image(layout: Layout, *jsons: bytes) -> bytes:
    """The document of an image with these JSONs, base first, which are in the store."""
    store = BlobStore(layout)
    return write_image(
        [
            V1Layer(f"{number:064x}", store.put(raw), len(raw), Digest.of(b""), 0)
            for number, raw in enumerate(jsons)
        ]
    )


def test_the_jsons_are_told_base_first(layout: Layout) -> None:
    assert v1_history(layout, image(layout, b'{"a": 1}', b'{"a": 2}')) == ({"a": 1}, {"a": 2})


@pytest.mark.parametrize("raw", [b"", b"[]", b"not json", b"{" * 100_000])
def test_what_is_no_json_is_an_empty_step(layout: Layout, raw: bytes) -> None:
    """Like one that is not in the corpus any more: the steps stay parallel to the layers."""
    document = image(layout, b'{"a": 1}', raw, b'{"a": 3}')
    assert v1_history(layout, document) == ({"a": 1}, {}, {"a": 3})
    layout.blob(Digest.of(b'{"a": 1}')).unlink()
    assert v1_history(layout, document) == ({}, {}, {"a": 3})


def test_of_too_many_bytes_the_newest_are_read(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are in memory together, and an image of 1,000 large ones must not fill it."""
    raws = [json.dumps({"a": number}).encode() for number in range(4)]
    monkeypatch.setattr(history, "_MAX_BYTES", 2 * len(raws[0]))
    assert v1_history(layout, image(layout, *raws)) == ({}, {}, {"a": 2}, {"a": 3})


def test_a_document_that_is_none_is_an_error(layout: Layout) -> None:
    with pytest.raises(RegistryError):
        v1_history(layout, b"{}")
