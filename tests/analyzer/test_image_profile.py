"""Image profiles: manifest, configuration and layer summaries put together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysers.distribution import OsRelease
from analyzer.images.configuration import read_configuration, run_parameters
from analyzer.images.profile import ALONE, profile_image
from analyzer.images.view import AnalyzedLayer
from corpus.chains import chain_ids
from corpus.profiles.findings import Findings
from corpus.profiles.image import (
    Base,
    Configuration,
    ConfigurationStatus,
    Healthcheck,
    HistoryRow,
    ImageProfile,
    MergeGap,
    Reclaimable,
    Sharing,
)
from corpus.profiles.layer import Entry, Kind, LayerCounts, LayerDepth, LayerStatus, LayerSummary
from corpus.records import Surroundings
from registry.descriptors import Descriptor
from registry.digests import Digest
from registry.manifests import Manifest, ManifestKind
from tests.analyzer.stacks import file, symlink, whiteout

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
    assert found.history == (
        HistoryRow(created="2024-01-01T00:00:00Z", created_by="ADD", layer=0, layer_digest=str(A)),
        HistoryRow(created_by="ENV", empty_layer=True),
        HistoryRow(created_by="RUN", comment="buildkit", layer=1, layer_digest=str(B)),
    )
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


def test_the_diffids_of_all_layers_are_judged_together() -> None:
    """The same ones, others, another number of them, or nobody can tell."""
    known = (_analyzed(A, DIFF_A), _analyzed(B, DIFF_B))
    assert _profile(_manifest(A, B), *known).diffids_match is True
    assert _profile(_manifest(B, A), *known).diffids_match is False
    assert _profile(_manifest(A), *known).diffids_match is False
    assert _profile(_manifest(A, B), known[0]).diffids_match is None
    assert _profile(_manifest(A, B), *known, config=b'{"os":"linux"}').diffids_match is None


def test_layers_have_the_chain_of_their_diffids() -> None:
    """As computed from the blobs, not as the configuration says."""
    known = (_analyzed(A, DIFF_B), _analyzed(B, DIFF_A), _analyzed(EMPTY))
    found = _profile(_manifest(A, B, EMPTY), *known)
    assert [layer.chain_id for layer in found.layers] == [*chain_ids([DIFF_B, DIFF_A]), None]


def test_a_history_of_another_length_belongs_to_no_layer() -> None:
    """It is kept as it is."""
    found = _profile(_manifest(A), _analyzed(A))
    assert [step.created_by for step in found.history] == ["ADD", "ENV", "RUN"]
    assert {(step.layer, step.layer_digest) for step in found.history} == {(None, None)}


def test_what_other_images_have_too_is_told_layer_by_layer() -> None:
    """And summed up, each distinct layer once."""
    around = Surroundings("sha256:chain", (Digest.of(b"x"),), 2, (A,))
    known = {digest: _analyzed(digest) for digest in (A, B)}
    found = profile_image(_manifest(A, A, B, EMPTY), None, known, around)
    assert [layer.is_shared for layer in found.layers] == [True, True, False, False]
    assert [layer.is_of_base for layer in found.layers] == [True, True, False, False]
    assert found.base == Base(chain_id="sha256:chain", manifests=(str(Digest.of(b"x")),), layers=2)
    assert found.sharing == Sharing(
        shared_layers=1, shared_cls_bytes=10, private_layers=2, private_cls_bytes=10
    )


def test_a_test_of_the_container_has_its_times_in_seconds() -> None:
    """Docker writes nanoseconds; 0 is its default; what is no number is none."""
    check = {
        "Test": ["CMD-SHELL", "true"],
        "Interval": 1_500_000_000,
        "Timeout": 0,
        "StartPeriod": "1s",
        "Retries": 3,
    }
    found = run_parameters(
        {"config": {"Healthcheck": check, "StopTimeout": 2**70, "Tty": True, "Hostname": "h"}}
    )
    assert found.healthcheck == Healthcheck(test=("CMD-SHELL", "true"), interval_s=1.5, retries=3)
    assert (found.stop_timeout_s, found.has_terminal, found.hostname) == (None, True, "h")


def with_rows(*rows: Entry, name: bytes = b"a", findings: Sequence[dict[str, str]] = ()) -> AnalyzedLayer:
    """A layer that was analyzed, with its rows and what was found in it."""
    known = _analyzed(Digest.of(name))
    markers = sum(row.kind is Kind.WHITEOUT for row in rows)
    summary = msgspec.structs.replace(known.summary, counts=LayerCounts(whiteouts=markers))
    found = Findings(digest=summary.digest, analysers={}, findings=tuple(findings))
    return AnalyzedLayer(summary, known.profile, lambda: rows, lambda: found if findings else None)


def merged(*layers: AnalyzedLayer, max_paths: int = 100, os: str = "linux") -> ImageProfile:
    known = {Digest.parse(layer.summary.digest): layer for layer in layers}
    manifest = _manifest(*known)
    return profile_image(manifest, json.dumps({"os": os}).encode(), known, ALONE, max_paths)


def package(path: str, name: str, **others: str) -> dict[str, str]:
    return {
        "analyser": "x",
        "kind": "package",
        "path": path,
        "type": "deb",
        "name": name,
        "status": "installed",
        **others,
    }


def release(path: str, name: str) -> dict[str, str]:
    return {"analyser": "x", "kind": "distribution", "path": path, "id": name, "version_id": "1"}


def test_the_layers_are_merged_into_one_file_system() -> None:
    """Totals, dive's efficiency and reclaimable bytes come from the rows of the layers."""
    found = merged(with_rows(file("a", 5), file("b", 1)), with_rows(file("a", 7), whiteout("b"), name=b"b"))
    assert found.merge_gap is None
    assert found.merged is not None
    assert (found.merged.files, found.merged.bytes, found.merged.whiteouts_without_target) == (1, 7, 0)
    assert found.dive is not None
    assert found.dive.wasted_bytes == 13
    assert found.reclaimable == Reclaimable(overwritten_bytes=5, deleted_bytes=1, total_bytes=6)


def test_a_layer_listed_twice_is_merged_twice() -> None:
    """And nothing of it is reclaimable, since it is stored once."""
    layer = with_rows(file("a", 5))
    digest = Digest.parse(layer.summary.digest)
    found = profile_image(_manifest(digest, digest), None, {digest: layer})
    assert found.reclaimable == Reclaimable()
    assert found.dive is not None
    assert found.dive.wasted_bytes == 10


@pytest.mark.parametrize(
    ("status", "max_paths", "gap"),
    [
        (None, 9, MergeGap.MISSING_LAYER),
        (LayerStatus.PARTIAL, 9, MergeGap.DAMAGED_LAYER),
        (LayerStatus.COMPLETE, 0, MergeGap.PATHS),
    ],
)
def test_why_there_is_no_merged_file_system(
    status: LayerStatus | None, max_paths: int, gap: MergeGap
) -> None:
    """A layer that is missing, or not whole, or more paths than are allowed."""
    layer = with_rows(file("a"))
    known = {}
    if status is not None:
        known[A] = replace(layer, summary=msgspec.structs.replace(layer.summary, status=status))
    found = profile_image(_manifest(A), None, known, ALONE, max_paths)
    assert found.merge_gap is gap
    assert (found.merged, found.dive, found.reclaimable, found.packages) == (None, None, None, ())


def test_packages_are_those_of_files_that_are_still_there() -> None:
    """One that was written again counts in its last version, one that was deleted not at all."""
    status, gone = "var/lib/dpkg/status", "srv/package.json"
    found = merged(
        with_rows(
            file(status, 5),
            file(gone, 2),
            findings=[package(status, "old"), package(status, "same"), package(gone, "gone")],
        ),
        with_rows(
            file(status, 6),
            whiteout(gone),
            name=b"b",
            findings=[
                package(status, "same", version="2"),
                package(status, "new"),
                package(status, "left", status="config-files"),
            ],
        ),
    )
    assert [each.purl for each in found.packages] == ["pkg:deb/new", "pkg:deb/same@2"]
    assert [(each.name, each.version, each.layer) for each in found.packages] == [
        ("new", "", 1),
        ("same", "2", 1),
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([file("etc/os-release"), file("usr/lib/os-release")], "etc"),
        ([symlink("etc/os-release", "../usr/lib/os-release"), file("usr/lib/os-release")], "lib"),
        ([file("usr/lib/os-release")], "lib"),
        ([symlink("etc/os-release", "/nowhere"), file("usr/lib/os-release")], "lib"),
        ([file("etc/os-release"), file("etc/alpine-release")], "etc"),
        ([file("etc/redhat-release"), file("etc/alpine-release")], "alpine"),
        ([file("etc/hosts")], None),
    ],
)
def test_the_distribution_is_what_os_release_leads_to(rows: list[Entry], expected: str | None) -> None:
    """``etc`` comes before ``usr/lib`` (os-release(5)), and links are followed; older files come last."""
    names = {
        "etc/os-release": "etc",
        "usr/lib/os-release": "lib",
        "etc/alpine-release": "alpine",
        "etc/redhat-release": "redhat",
    }
    findings = [release(row.path, names[row.path]) for row in rows if row.path in names and not row.link]
    found = merged(with_rows(*rows, findings=findings)).distribution
    assert (found and found.id) == expected


@pytest.mark.parametrize(
    ("links", "target"),
    [
        ({"etc/redhat-release": "centos-release"}, "etc/centos-release"),  # CentOS 6
        (
            {"etc/redhat-release": "fedora-release", "etc/fedora-release": "../usr/lib/fedora-release"},
            "usr/lib/fedora-release",
        ),
        (
            {
                "etc/os-release": "../usr/lib/os-release",
                "usr/lib/os-release": "./os.release.d/os-release-container",
            },
            "usr/lib/os.release.d/os-release-container",
        ),
    ],
)
def test_what_links_lead_to_in_older_distributions_is_read(links: dict[str, str], target: str) -> None:
    """The reader wants the files that bear the names only by links."""
    assert OsRelease().wants(target.encode())
    rows = [*(symlink(path, to) for path, to in links.items()), file(target)]
    found = merged(with_rows(*rows, findings=[release(target, "x")])).distribution
    assert found is not None
    assert (found.id, found.path) == ("x", target)


@pytest.mark.parametrize("last", [symlink("a", "b"), Entry("a", Kind.FIFO)])
def test_what_a_later_entry_of_the_layer_replaced_is_not_there(last: Entry) -> None:
    """Its findings are those of a file, and there is none."""
    assert merged(with_rows(file("a"), file("b"), last, findings=[package("a", "x")])).packages == ()


def test_a_windows_image_has_its_packages_below_files() -> None:
    """The path of a finding is that of the layer."""
    path = "Files/app/package.json"
    found = merged(with_rows(file(path), findings=[package(path, "x")]), os="windows")
    assert [each.path for each in found.packages] == [path]
    assert found.merged is not None
    assert found.merged.directories == 1


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
    assert found.history_matches
    assert found.history[0].created_by == "/bin/sh -c #(nop) ADD"
    assert found.history[1].empty_layer
    assert [step.layer_digest for step in found.history] == [A, EMPTY]
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
