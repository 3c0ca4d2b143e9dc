"""Manifests: kind, digest, pointers; and everything that is refused."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.descriptors import Descriptor
from registry.digests import EMPTY_LAYER, Digest
from registry.errors import Reason, RegistryError
from registry.manifests import ACCEPT, ManifestKind, parse_manifest
from registry.platforms import Platform
from registry.schema1 import signed_payload
from registry.v1_images import MEDIA_TYPE as V1_IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker.distribution.manifest"
ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
CANONICAL = "sha256:02fee8c3220ba806531f606525eceb83f4feb654f62b207191b1c9209188dedd"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
field_names = st.sampled_from(
    [
        "schemaVersion",
        "mediaType",
        "config",
        "layers",
        "manifests",
        "fsLayers",
        "history",
        "signatures",
        "Layers",
    ]
)


def descriptor(data: bytes = b"x", **more: Any) -> dict[str, Any]:
    return {"mediaType": "t", "digest": Digest.of(data), "size": len(data), **more}


def body_of(**members: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, **members}).encode()


def schema1(layers: list[bytes], **members: Any) -> dict[str, Any]:
    """Top layer first, as schema 1 has it."""
    return {
        "schemaVersion": 1,
        "fsLayers": [{"blobSum": Digest.of(layer)} for layer in layers],
        "history": [{"v1Compatibility": json.dumps({"id": layer.decode()})} for layer in layers],
        **members,
    }


def signed(body: dict[str, Any]) -> tuple[bytes, bytes]:
    """The file and the signed text, made as libtrust makes them."""
    payload = json.dumps(body, indent=3).encode()
    head = payload.removesuffix(b"\n}")
    protected = json.dumps({"formatLength": len(head), "formatTail": _base64url(b"\n}")}).encode()
    signatures = json.dumps([{"header": {}, "signature": "", "protected": _base64url(protected)}]).encode()
    return head + b',\n   "signatures": ' + signatures + b"\n}", payload


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def reason_of(raw: bytes, content_type: str | None = None) -> Reason:
    with pytest.raises(RegistryError) as caught:
        parse_manifest(raw, content_type)
    assert not caught.value.temporary
    return caught.value.reason


@pytest.mark.parametrize("name", ["good_manifest", "extra_data_manifest"])
def test_a_signed_manifest_of_docker_hub_has_the_published_digest_and_layers(
    manifests: Path, name: str
) -> None:
    """What follows the signed part, even a second fsLayers, is not believed."""
    raw = (manifests / name).read_bytes()
    manifest = parse_manifest(raw, f"{DOCKER}.v1+prettyjws")
    assert (manifest.kind, manifest.digest, manifest.blob_digest) == (
        "schema1_signed",
        CANONICAL,
        Digest.of(raw),
    )
    assert [layer.digest[7:13] for layer in manifest.layers] == ["03f465", "a3ed95"]
    assert manifest.layers[1].digest == EMPTY_LAYER
    assert [entry["id"][:6] for entry in manifest.history] == ["535020", "af3405"]
    assert manifest.flags == frozenset()


def test_a_signed_manifest_that_was_altered_is_refused_and_has_another_digest(manifests: Path) -> None:
    raw = (manifests / "bad_manifest").read_bytes()
    payload = signed_payload(raw, json.loads(raw)["signatures"])
    assert payload is not None
    assert Digest.of(payload)[7:] == "4e99582254b60272e49b2fd1f01e834a038a575eb542e46fba0662f1e74b3927"
    assert reason_of(raw) is Reason.MANIFEST_INVALID


def test_a_signed_text_that_is_no_schema_1_is_refused() -> None:
    """Even if the unsigned rest of the file says that it is."""
    raw, _ = signed(schema1([b"a"], schemaVersion=2))
    assert reason_of(raw.removesuffix(b"\n}") + b', "schemaVersion": 1}') is Reason.MANIFEST_INVALID


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=5))
def test_a_signed_manifest_is_known_by_what_was_signed(layers: list[bytes]) -> None:
    raw, payload = signed(schema1(layers))
    manifest = parse_manifest(raw, None)
    assert (manifest.kind, manifest.digest) == (ManifestKind.SCHEMA1_SIGNED, Digest.of(payload))
    assert [layer.digest for layer in manifest.layers] == [Digest.of(layer) for layer in reversed(layers)]
    assert [entry["id"] for entry in manifest.history] == [layer.decode() for layer in reversed(layers)]


def protected(length: object, tail: object) -> dict[str, str]:
    return {"protected": _base64url(json.dumps({"formatLength": length, "formatTail": tail}).encode())}


@pytest.mark.parametrize(
    "signatures",
    [
        *(1, [], [1], [{}], [{"protected": "!"}], [{"protected": 5}], [{"protected": "e30"}]),
        *([protected(-1, "")], [protected(10**9, "")], [protected(True, "")], [protected(1.5, "")]),
        *([protected(5, 5)], [protected(9, "Cn0"), protected(8, "Cn0")], [protected(9, "Cn0"), {}]),
    ],
)
def test_unusable_signatures_leave_the_digest_of_the_body_and_a_flag(signatures: Any) -> None:
    """Published images have such; signatures that disagree are like none."""
    raw = json.dumps(schema1([b"a"], signatures=signatures)).encode()
    manifest = parse_manifest(raw, None)
    assert (manifest.digest, set(manifest.flags)) == (Digest.of(raw), {"jws_invalid"})


def test_an_unsigned_manifest_is_flagged_only_if_its_header_promises_a_signature() -> None:
    raw = json.dumps(schema1([b"a"])).encode()
    plain, promised = (
        parse_manifest(raw, f"{DOCKER}.v1+{suffix}") for suffix in ("json", "prettyjws; charset=utf-8")
    )
    assert (plain.kind, plain.flags, plain.media_type) == ("schema1", frozenset(), f"{DOCKER}.v1+json")
    assert (promised.kind, set(promised.flags)) == ("schema1", {"jws_invalid"})


@pytest.mark.parametrize(
    ("members", "content_type", "kind"),
    [
        ({"mediaType": f"{OCI}.index.v1+json", "manifests": []}, None, "oci_index"),
        ({"mediaType": f"{DOCKER}.list.v2+json", "manifests": []}, None, "manifest_list"),
        ({"mediaType": f"{OCI}.manifest.v1+json", "layers": []}, None, "oci_manifest"),
        ({"mediaType": f"{DOCKER}.v2+json", "layers": []}, f"{OCI}.manifest.v1+json", "schema2"),
        ({"layers": []}, None, "oci_manifest"),
        ({"config": descriptor(), "layers": None}, "text/plain", "oci_manifest"),
        ({"layers": []}, f"{DOCKER}.v2+json; charset=utf-8", "schema2"),
        ({"manifests": []}, None, "oci_index"),
        ({"manifests": []}, f"{DOCKER}.v2+json", "oci_index"),
        ({"manifests": []}, f"{DOCKER}.list.v2+json", "manifest_list"),
        ({"mediaType": "application/json", "layers": []}, None, "oci_manifest"),
        ({"mediaType": 5, "layers": [], "manifests": None, "subject": None}, None, "oci_manifest"),
        ({"mediaType": ARTIFACT}, None, "oci_artifact"),
        ({"mediaType": ARTIFACT, "blobs": None}, f"{OCI}.manifest.v1+json", "oci_artifact"),
    ],
)
def test_the_body_decides_the_kind_then_its_fields_then_the_header(
    members: dict[str, Any], content_type: str | None, kind: str
) -> None:
    assert parse_manifest(body_of(**members), content_type).kind == kind


V1_LAYER = {"id": "0" * 64, "json": descriptor(), "layer": descriptor()}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.MANIFEST_INVALID),
        (b"[]", Reason.MANIFEST_INVALID),
        (b"\xff", Reason.MANIFEST_INVALID),
        (b"<html>", Reason.MANIFEST_INVALID),
        (b"[" * 100_000, Reason.MANIFEST_INVALID),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, Reason.MANIFEST_INVALID),
        (b'{"schemaVersion": ' + b"9" * 5000 + b"}", Reason.MANIFEST_INVALID),
        (body_of(), Reason.MANIFEST_INVALID),
        (body_of(fsLayers=[]), Reason.MANIFEST_INVALID),
        (body_of(layers={}), Reason.MANIFEST_INVALID),
        (body_of(layers=[1]), Reason.MANIFEST_INVALID),
        (body_of(layers=[{"digest": "sha256:../.."}]), Reason.MANIFEST_INVALID),
        (body_of(layers=[{"digest": None}]), Reason.MANIFEST_INVALID),
        (body_of(config=[], layers=[]), Reason.MANIFEST_INVALID),
        (body_of(layers=[descriptor(size=-1)]), Reason.MANIFEST_INVALID),
        (body_of(layers=[descriptor(size=True)]), Reason.MANIFEST_INVALID),
        (body_of(layers=[descriptor(size=2**63)]), Reason.MANIFEST_INVALID),
        (json.dumps(schema1([b"a"], history=[])).encode(), Reason.MANIFEST_INVALID),
        (json.dumps(schema1([b"a"], history=[{"v1Compatibility": "["}])).encode(), Reason.MANIFEST_INVALID),
        (json.dumps(schema1([b"a"], history=[{"v1Compatibility": {}}])).encode(), Reason.MANIFEST_INVALID),
        (json.dumps(schema1([b"a"], fsLayers=[{}])).encode(), Reason.MANIFEST_INVALID),
        (body_of(layers=[], manifests=[]), Reason.AMBIGUOUS),
        (body_of(layers=[], LAYERS=[]), Reason.AMBIGUOUS),
        (body_of(Layers=[]), Reason.AMBIGUOUS),
        (body_of(layers=[], history=[]), Reason.AMBIGUOUS),
        (body_of(mediaType=f"{OCI}.index.v1+json", layers=[]), Reason.AMBIGUOUS),
        (b'{"schemaVersion": 2, "layers": [], "layers": []}', Reason.AMBIGUOUS),
        (json.dumps(schema1([b"a"], manifests=[])).encode(), Reason.AMBIGUOUS),
        (body_of(mediaType=ARTIFACT, blobs=[], layers=[]), Reason.AMBIGUOUS),
        (body_of(mediaType=ARTIFACT, blobs=[1]), Reason.MANIFEST_INVALID),
        (body_of(mediaType=V1_IMAGE, ancestry=[V1_LAYER], layers=[descriptor()]), Reason.AMBIGUOUS),
        (body_of(mediaType=V1_IMAGE, ancestry=[V1_LAYER], fslayers=[]), Reason.AMBIGUOUS),
        (body_of(mediaType=V1_IMAGE, ancestry=[V1_LAYER])[:-1] + b',"ancestry":[]}', Reason.AMBIGUOUS),
        (body_of(layers=[], subject=[]), Reason.MANIFEST_INVALID),
        (body_of(mediaType="application/x"), Reason.UNSUPPORTED_TYPE),
    ],
)
def test_a_body_that_is_no_manifest_or_two_is_refused(raw: bytes, reason: Reason) -> None:
    assert reason_of(raw) is reason


@settings(max_examples=40)
@given(st.dictionaries(field_names, json_values | st.just(1) | st.just([descriptor()]), max_size=4))
def test_any_json_is_a_manifest_or_a_registry_error(members: dict[str, Any]) -> None:
    raw = json.dumps(members).encode()
    try:
        manifest = parse_manifest(raw, None)
    except RegistryError as error:
        assert error.reason in {Reason.MANIFEST_INVALID, Reason.AMBIGUOUS, Reason.UNSUPPORTED_TYPE}  # noqa: PT017
    else:
        assert (manifest.blob_digest, manifest.size_bytes) == (Digest.of(raw), len(raw))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_manifest_or_a_registry_error(raw: bytes) -> None:
    assert reason_of(raw) is Reason.MANIFEST_INVALID


def test_a_byte_order_mark_is_read_over_but_hashed() -> None:
    raw = b"\xef\xbb\xbf" + body_of(layers=[])
    assert parse_manifest(raw, None).digest == Digest.of(raw)


def test_layers_come_base_first_with_their_repeats() -> None:
    manifest = parse_manifest(
        body_of(config=descriptor(b"c"), layers=[descriptor(d) for d in (b"a", b"b", b"a")]), None
    )
    assert [layer.digest for layer in manifest.layers] == [Digest.of(d) for d in (b"a", b"b", b"a")]
    assert manifest.config == Descriptor("t", Digest.of(b"c"), 1)


def test_a_descriptor_keeps_what_is_well_formed() -> None:
    platform = {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": "1"}
    child = descriptor(platform=platform, urls=["http://u", 5], annotations={"a": "b", "c": 5})
    (parsed,) = parse_manifest(body_of(manifests=[child]), None).children
    assert parsed == Descriptor(
        "t", Digest.of(b"x"), 1, Platform("linux", "arm", "v7"), ("http://u",), {"a": "b"}
    )
    assert len({parsed, parsed}) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [("aGk=", b"hi"), ("aGk", None), ("a Gk=", None), (5, None), (None, None), ("d3Jvbmc=", None)],
)
def test_content_in_a_descriptor_is_believed_if_it_is_what_the_digest_names(
    data: object, expected: bytes | None
) -> None:
    (layer,) = parse_manifest(body_of(layers=[{**descriptor(b"hi"), "data": data}]), None).layers
    assert layer.embedded == expected


def test_content_under_a_digest_that_nobody_can_compute_is_not_believed() -> None:
    digest = Digest.parse("blake3:" + "0" * 64)
    (layer,) = parse_manifest(
        body_of(layers=[{**descriptor(b"hi"), "digest": digest, "data": "aGk="}]), None
    ).layers
    assert layer.embedded is None


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"config": descriptor(mediaType=f"{OCI}.config.v1+json")}, None),
        ({"config": descriptor(mediaType="application/vnd.docker.container.image.v1+json")}, None),
        ({"config": descriptor(mediaType="application/octet-stream")}, None),
        ({"config": descriptor(mediaType=5)}, None),
        (
            {"config": descriptor(mediaType="application/vnd.cncf.helm.config.v1+json")},
            "application/vnd.cncf.helm.config.v1+json",
        ),
        ({"config": descriptor(mediaType="application/vnd.oci.empty.v1+json"), "artifactType": "a/b"}, "a/b"),
        ({"config": descriptor(mediaType=f"{OCI}.config.v1+json"), "artifactType": "a/b"}, "a/b"),
        ({"manifests": [], "artifactType": "a/b"}, "a/b"),
        ({"layers": [], "artifactType": 5}, None),
    ],
)
def test_an_artifact_is_what_it_says_or_what_its_configuration_is(
    members: dict[str, Any], expected: str | None
) -> None:
    assert parse_manifest(body_of(**members), None).artifact_type == expected


def test_an_artifact_manifest_has_its_blobs_and_its_subject() -> None:
    """The type that OCI 1.1 had before it was released: registries still hold some."""
    subject, blob = descriptor(b"subject"), descriptor(b"blob")
    raw = body_of(mediaType=ARTIFACT, artifactType="a/b", blobs=[blob], subject=subject)
    manifest = parse_manifest(raw, None)
    assert manifest.subject == Descriptor("t", Digest.of(b"subject"), 7)
    assert [layer.digest for layer in manifest.layers] == [Digest.of(b"blob")]
    assert (manifest.artifact_type, manifest.config, manifest.children) == ("a/b", None, ())


def test_a_type_that_nobody_knows_is_flagged_where_the_fields_decide() -> None:
    odd, known, silent = (
        parse_manifest(body_of(layers=[], **members), None)
        for members in ({"mediaType": "application/json"}, {"mediaType": f"{DOCKER}.v2+json"}, {})
    )
    assert (odd.kind, set(odd.flags)) == ("oci_manifest", {"media_type_unknown"})
    assert known.flags == silent.flags == frozenset()


def test_a_descriptor_may_leave_out_all_but_its_digest() -> None:
    (layer,) = parse_manifest(body_of(layers=[{"digest": Digest.of(b"x")}]), None).layers
    assert layer == Descriptor("", Digest.of(b"x"), None)


@pytest.mark.parametrize(
    ("mark", "of"),
    [
        (
            lambda each: each.is_foreign,
            {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
        ),
        (lambda each: each.is_foreign, {"mediaType": f"{OCI}.layer.nondistributable.v1.tar+zstd"}),
        (lambda each: each.is_attestation, {"platform": {"os": "unknown", "architecture": "unknown"}}),
    ],
)
def test_foreign_layers_and_attestations_are_told_apart(
    mark: Callable[[Descriptor], bool], of: dict[str, Any]
) -> None:
    ordinary = descriptor(
        mediaType=f"{OCI}.layer.v1.tar+gzip", platform={"os": "linux", "architecture": "unknown"}
    )
    first, second = parse_manifest(body_of(manifests=[{**ordinary, **of}, ordinary]), None).children
    assert (mark(first), mark(second)) == (True, False)


def test_only_lists_and_indexes_are_indexes() -> None:
    assert [kind for kind in ManifestKind if kind.is_index] == ["manifest_list", "oci_index"]


def test_every_type_is_accepted_in_one_line_newest_and_whole_first() -> None:
    names = [each.removeprefix("application/vnd.") for each in ACCEPT.split(", ")]
    assert names == [
        "oci.image.index.v1+json", "docker.distribution.manifest.list.v2+json", "oci.image.manifest.v1+json",
        "docker.distribution.manifest.v2+json", "oci.artifact.manifest.v1+json",
        "docker.distribution.manifest.v1+prettyjws", "docker.distribution.manifest.v1+json",
    ]  # fmt: skip
