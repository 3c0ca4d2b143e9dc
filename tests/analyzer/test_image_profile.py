"""Image profiles: manifest, configuration and layer summaries put together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.images.configuration import read_configuration, run_parameters
from analyzer.images.profile import AnalyzedLayer, profile_image
from corpus.profiles.image import Configuration, ConfigurationStatus, HistoryRow, ImageProfile
from corpus.profiles.layer import LayerCounts, LayerDepth, LayerStatus, LayerSummary
from registry.descriptors import Descriptor
from registry.digests import Digest
from registry.manifests import Manifest, ManifestKind

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
A, B, EMPTY = Digest.of(b"a"), Digest.of(b"b"), Digest.of(b"empty")
DIFF_A, DIFF_B = str(Digest.of(b"tar a")), str(Digest.of(b"tar b"))

CONFIG: dict[str, Any] = {
    "created": "2024-01-02T03:04:05Z",
    "author": "someone",
    "architecture": "arm",
    "variant": "v7",
    "os": "linux",
    "config": {
        "User": "1000",
        "Env": ["PATH=/bin", "A=b"],
        "Entrypoint": ["/entry"],
        "Cmd": ["run", "it"],
        "WorkingDir": "/srv",
        "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
        "Volumes": {"/data": {}},
        "Labels": {"z": "1", "a": "2"},
        "StopSignal": "SIGINT",
    },
    "rootfs": {"type": "layers", "diff_ids": [DIFF_A, DIFF_B]},
    "history": [
        {"created": "2024-01-01T00:00:00Z", "created_by": "ADD"},
        {"created_by": "ENV", "empty_layer": True},
        {"created_by": "RUN", "comment": "buildkit"},
    ],
}


def _layer(digest: Digest) -> Descriptor:
    return Descriptor(LAYER_TYPE, digest, 10)


def _manifest(*layers: Digest) -> Manifest:
    config = Descriptor("application/vnd.oci.image.config.v1+json", Digest.of(b"config"), 2)
    return Manifest(
        ManifestKind.OCI_MANIFEST,
        "application/vnd.oci.image.manifest.v1+json",
        Digest.of(b"manifest"),
        Digest.of(b"manifest"),
        100,
        config=config,
        layers=tuple(map(_layer, layers)),
    )


def _analyzed(
    digest: Digest, diffid: str | None = None, *, status: LayerStatus = LayerStatus.COMPLETE, files: int = 3
) -> AnalyzedLayer:
    summary = LayerSummary(
        digest=str(digest),
        media_type=LAYER_TYPE,
        status=status,
        diffid=diffid,
        cls_bytes=10,
        als_bytes=40,
        fls_bytes=20,
        counts=LayerCounts(entries=files, files=files, directories=2),
        depth=LayerDepth(max=files),
        is_empty=not files,
    )
    return AnalyzedLayer(summary, f"profiles/{digest.encoded}")


def _profile(manifest: Manifest, *known: AnalyzedLayer, config: bytes | None = None) -> ImageProfile:
    layers = {Digest.parse(layer.summary.digest): layer for layer in known}
    return profile_image(manifest, json.dumps(CONFIG).encode() if config is None else config, layers)


def test_the_configuration_is_read() -> None:
    """Platform, run parameters and history come from the configuration blob."""
    found = _profile(_manifest(A, B), _analyzed(A, DIFF_A), _analyzed(B, DIFF_B))
    assert (found.kind, found.schema_version) == ("oci_manifest", 2)
    assert (found.os, found.architecture, found.variant) == ("linux", "arm", "v7")
    assert (found.created, found.author) == ("2024-01-02T03:04:05Z", "someone")
    assert found.configuration == Configuration(
        user="1000",
        environment=("PATH=/bin", "A=b"),
        entrypoint=("/entry",),
        command=("run", "it"),
        working_directory="/srv",
        exposed_ports=("443/tcp", "80/tcp"),
        volumes=("/data",),
        labels={"a": "2", "z": "1"},
        stop_signal="SIGINT",
    )
    assert found.history[1] == HistoryRow(created_by="ENV", empty_layer=True)
    assert found.history_matches
    assert found.is_complete


def test_totals_are_sums_over_distinct_layers() -> None:
    """A layer listed twice has two rows and counts once."""
    found = _profile(
        _manifest(A, B, A, EMPTY), _analyzed(A), _analyzed(B, files=7), _analyzed(EMPTY, files=0)
    )
    totals = found.totals
    assert [layer.digest for layer in found.layers] == [A, B, A, EMPTY]
    assert (totals.layers, totals.distinct_layers, totals.empty_layers) == (4, 3, 1)
    assert (totals.cis_bytes, totals.ais_bytes, totals.fis_bytes) == (30, 120, 60)
    assert (totals.fis_cis_ratio, totals.ais_cis_ratio) == (2.0, 4.0)
    assert (totals.files, totals.directories, totals.max_depth) == (10, 6, 7)


def test_layers_without_profile_make_an_image_incomplete() -> None:
    """A layer that was not analyzed, or not completely, is listed and the image says so."""
    assert not _profile(_manifest(A, B), _analyzed(A)).is_complete
    found = _profile(_manifest(A, B), _analyzed(A), _analyzed(B, status=LayerStatus.CORRUPT))
    assert not found.is_complete
    assert [layer.status for layer in found.layers] == [LayerStatus.COMPLETE, LayerStatus.CORRUPT]
    missing = _profile(_manifest(A, B), _analyzed(A)).layers[1]
    assert (missing.profile, missing.status, missing.diffid, missing.is_empty) == (None, None, None, None)


def test_diffids_are_compared_with_the_configuration() -> None:
    """A layer whose tar is not the one the configuration lists is told apart."""
    found = _profile(_manifest(A, B), _analyzed(A, DIFF_A), _analyzed(B, DIFF_A))
    assert [layer.diffid_ok for layer in found.layers] == [True, False]
    fewer = _profile(_manifest(A), _analyzed(A, DIFF_A))
    assert [layer.diffid_ok for layer in fewer.layers] == [None]
    assert fewer.history_matches is False


def test_an_image_without_layers_is_complete() -> None:
    """An image of no layer has totals of zero and no ratio."""
    found = _profile(_manifest())
    assert (found.is_complete, found.totals.layers, found.totals.fis_cis_ratio) == (True, 0, None)


def test_schema_1_takes_its_newest_history() -> None:
    """Schema 1 has no configuration: the newest of its history objects, base first, stands for it."""
    history = (
        {"created": "2015-01-01T00:00:00Z", "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) ADD"]}},
        {
            "created": "2015-02-02T00:00:00Z",
            "os": "linux",
            "architecture": "amd64",
            "config": {"Cmd": "early text"},
            "throwaway": True,
        },
    )
    layers = tuple(Descriptor("", digest, None) for digest in (A, EMPTY))
    digest = Digest.of(b"payload")
    manifest = Manifest(
        ManifestKind.SCHEMA1_SIGNED, "x", digest, Digest.of(b"signed"), 9, layers=layers, history=history
    )
    found = profile_image(manifest, None, {A: _analyzed(A)})
    assert (found.configuration_status, found.schema_version) == (ConfigurationStatus.HISTORY, 1)
    assert (found.digest, found.blob_digest, found.config_digest) == (digest, Digest.of(b"signed"), None)
    assert (found.os, found.created, found.configuration.command) == (
        "linux",
        "2015-02-02T00:00:00Z",
        ("early text",),
    )
    assert found.history[0].created_by == "/bin/sh -c #(nop) ADD"
    assert found.history[1].empty_layer
    assert [layer.size_bytes for layer in found.layers] == [10, None]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (None, ConfigurationStatus.MISSING),
        (b"no json", ConfigurationStatus.INVALID),
        (b"[]", ConfigurationStatus.INVALID),
        (b"[" * 100_000, ConfigurationStatus.INVALID),
        (b'{"name":"chart"}', ConfigurationStatus.NOT_AN_IMAGE),
        (b'{"os":"linux"}', ConfigurationStatus.READ),
    ],
)
def test_configurations_that_are_none(raw: bytes | None, status: ConfigurationStatus) -> None:
    """What is no configuration is an outcome, not an error."""
    assert read_configuration(raw).status is status


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=8,
)
KEYS = [
    "config",
    "rootfs",
    "history",
    "os",
    "created",
    "Env",
    "Cmd",
    "Labels",
    "ExposedPorts",
    "diff_ids",
    "created_by",
]


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(KEYS), JSON)))
def test_hostile_configurations_are_read(body: dict[str, Any]) -> None:
    """Whatever JSON stands in the fields, the result has the types of the schema."""
    found = read_configuration(json.dumps(body).encode())
    parameters = run_parameters(found.body)
    assert all(isinstance(value, str) for value in (*parameters.environment, *parameters.labels.values()))
    assert all(isinstance(row.created_by, str | None) for row in found.history)
