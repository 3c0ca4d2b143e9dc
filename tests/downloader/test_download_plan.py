"""What to fetch next: which children of an index, which blobs, and why an image is incomplete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Failure, FetchedBlob
from downloader.plan import (
    blobs_of,
    choose_children,
    cosign_tags,
    first_failure,
    foreign_urls,
    holds_for_all_who_waited,
    is_of_the_bytes,
    parse_platforms,
    referrers_tag,
    statements_in,
    why_not_asked_for,
)
from registry.descriptors import Descriptor
from registry.digests import Digest
from registry.errors import ConfigurationError, Reason, RegistryError
from registry.manifests import Manifest, ManifestKind
from registry.names import is_tag
from registry.platforms import Platform

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def digest(number: int) -> Digest:
    return Digest.of(str(number).encode())


def child(number: int, platform: str | None, media_type: str = MANIFEST) -> Descriptor:
    parsed = None if platform is None else Platform.parse(platform)
    return Descriptor(media_type, digest(number), 1, platform=parsed)


def index(*children: Descriptor) -> Manifest:
    return Manifest(ManifestKind.OCI_INDEX, INDEX, digest(-1), digest(-1), 1, children=children)


def image(*layers: Descriptor, config: Descriptor | None = None) -> Manifest:
    return Manifest(
        ManifestKind.OCI_MANIFEST, MANIFEST, digest(-2), digest(-2), 1, config=config, layers=layers
    )


def layer(number: int, size: int | None, media_type: str = LAYER) -> Descriptor:
    return Descriptor(media_type, digest(number), size)


def chosen(rule: str, *platforms: str | None) -> list[int]:
    """Positions of the children chosen from an index of these platforms."""
    children = [child(number, platform) for number, platform in enumerate(platforms)]
    found = choose_children(index(*children), parse_platforms(rule))
    return [children.index(each) for each in found]


@pytest.mark.parametrize(
    ("rule", "offered", "expected"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64"], [1]),
        ("linux/amd64", ["linux/amd64", "linux/amd64"], [0]),
        ("linux/amd64", ["windows/amd64", "linux/386"], []),
        ("linux/amd64", [], []),
        ("linux/amd64", ["linux/amd64/v2", "linux/amd64"], [1]),
        ("linux/amd64", ["linux/amd64/v3", "linux/amd64/v2"], [0]),
        ("linux/arm64", ["linux/arm64/v8"], [0]),
        ("linux/arm/v7", ["linux/arm/v6", "linux/arm/v7"], [1]),
        ("linux/arm/v7", ["linux/arm/v6", "linux/arm"], [1]),
        ("linux/arm/v7", ["linux/arm", "linux/arm/v7"], [1]),
        ("linux/arm/v6", ["linux/arm", "linux/arm/v7"], []),
        ("linux/arm", ["linux/arm/v6", "linux/arm/v7"], [1]),
        ("linux/arm", ["linux/arm/v6", "linux/arm/v5"], [0]),
        ("linux/arm64/v8", ["linux/arm64"], [0]),
        ("linux/arm64/v8", ["linux/arm64", "linux/arm64/v8"], [1]),
        ("linux/arm64", ["linux/arm64/v9", "linux/arm64/v8"], [1]),
        ("linux/arm64/v9", ["linux/arm64", "linux/arm64/v8"], []),
        ("linux/amd64/v1", ["linux/amd64/v2", "linux/amd64"], [1]),
        ("linux/x86_64", ["linux/386", "linux/amd64"], [1]),
        ("linux/amd64", ["Linux/x86-64"], [0]),
        ("linux/amd64,linux/arm64", ["linux/arm64/v8", "linux/s390x", "linux/amd64"], [0, 2]),
        ("linux/arm,linux/arm/v7", ["linux/arm/v7"], [0]),
        ("all", ["linux/amd64", "windows/amd64", "linux/arm"], [0, 1, 2]),
        ("all", ["linux/amd64", "unknown/unknown"], [0]),
        ("linux/amd64", ["unknown/unknown", "linux/amd64"], [1]),
        ("linux/amd64", ["unknown/unknown"], []),
        ("unknown/unknown", ["unknown/unknown"], []),
        ("linux/amd64", [None, None], [0, 1]),
        ("linux/amd64", [None, "unknown/unknown"], [0]),
        ("linux/amd64", [None, "linux/amd64"], [1]),
        ("all", [None, "linux/amd64"], [0, 1]),
    ],
)
def test_children_are_chosen_by_platform(rule: str, offered: list[str | None], expected: list[int]) -> None:
    """One per wanted platform, exact before compatible, first before later, attestations never."""
    assert chosen(rule, *offered) == expected


@pytest.mark.parametrize("media_type", [INDEX, DOCKER_LIST])
def test_a_nested_index_is_followed_whatever_platform_is_wanted(media_type: str) -> None:
    """It names no platform itself; its children do."""
    nested = child(1, None, media_type)
    whole = index(child(0, "linux/amd64"), nested)
    assert choose_children(whole, parse_platforms("linux/amd64")) == whole.children
    assert choose_children(whole, parse_platforms("linux/s390x")) == (nested,)


_PLATFORMS = st.sampled_from(
    [
        None,
        "unknown/unknown",
        *(f"{os}/{arch}" for os in ("linux", "windows") for arch in ("amd64", "arm", "arm/v7")),
    ]
)


@given(offered=st.lists(_PLATFORMS, max_size=8), wanted=st.lists(_PLATFORMS.filter(bool), min_size=1))
def test_what_is_chosen_was_offered_is_in_order_and_runs_there(
    offered: list[str | None], wanted: list[str]
) -> None:
    """Never an attestation, never twice, never more than one per wish unless no child says what it is."""
    positions = chosen(",".join(wanted), *offered)
    assert positions == sorted(set(positions))
    platforms = [offered[position] for position in positions]
    assert "unknown/unknown" not in platforms
    if any(platforms):
        assert len(positions) <= len(set(wanted))
        machines = {wish.rpartition("/v7")[0] or wish for wish in wanted}
        assert all((str(each).rpartition("/v7")[0] or each) in machines for each in platforms)


@given(offered=st.lists(_PLATFORMS, max_size=8), more=st.lists(_PLATFORMS.filter(bool), max_size=3))
def test_asking_for_more_platforms_never_loses_one(offered: list[str | None], more: list[str]) -> None:
    """A wider rule chooses what the narrow one chose, and ``all`` chooses what any rule does."""
    narrow = set(chosen("linux/amd64", *offered))
    wide = set(chosen(",".join(["linux/amd64", *more]), *offered))
    assert narrow <= wide <= set(chosen("all", *offered))


@pytest.mark.parametrize(
    "rule", ["", "linux", "linux/", "/amd64", "linux/amd64,", "a/b/c/d", "all,linux/amd64"]
)
def test_a_platform_rule_that_makes_no_sense_is_one_clear_sentence(rule: str) -> None:
    """It names the rule and says what to write."""
    with pytest.raises(ConfigurationError, match="write linux/amd64, or all") as caught:
        parse_platforms(rule)
    assert repr(rule) in str(caught.value)


def test_spaces_around_the_commas_of_a_rule_do_not_matter() -> None:
    """People write lists with spaces."""
    assert parse_platforms("linux/amd64 , linux/arm/v7") == (
        Platform("linux", "amd64"),
        Platform("linux", "arm", "v7"),
    )
    assert parse_platforms("all") is None


def test_blobs_are_distinct_and_the_largest_comes_first() -> None:
    """Layers repeat in an image and between its platforms; sizes may be unknown."""
    base, top, tiny = layer(1, 100), layer(2, 5_000), layer(3, None)
    config = Descriptor("application/vnd.oci.image.config.v1+json", digest(4), 2)
    found = blobs_of([image(base, tiny, base, config=config), image(base, top, config=config)])
    assert found == [("config", config), ("layer", top), ("layer", base), ("layer", tiny)]


def test_a_blob_of_an_image_and_of_an_artifact_is_the_images() -> None:
    """Else a base layer that somebody attaches to a statement would not be analyzed."""
    base, statement = layer(1, 100), layer(2, 5)
    config = Descriptor("application/vnd.oci.empty.v1+json", digest(4), 2)
    found = blobs_of([image(base)], [image(statement, base, config=config)])
    assert found == [("layer", base), ("artifact", config), ("artifact", statement)]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 9)), max_size=6), max_size=4)
)
def test_every_layer_is_wanted_exactly_once(manifests: list[list[tuple[int, int | None]]]) -> None:
    """Whatever manifests say, each digest is asked for once, in falling size."""
    blobs = blobs_of([image(*(layer(*each) for each in each_image)) for each_image in manifests])
    assert {role for role, _ in blobs} <= {"layer"}
    layers = [each for _, each in blobs]
    digests = [each.digest for each in layers]
    assert sorted(digests) == sorted({digest(number) for each_image in manifests for number, _ in each_image})
    sizes = [each.size_bytes or 0 for each in layers]
    assert sizes == sorted(sizes, reverse=True)


def failed(reason: Reason, *, temporary: bool = False, size: int | None = 1) -> FetchedBlob:
    return FetchedBlob(digest(1), "layer", size, Failure(reason, "because", temporary))


FINE = FetchedBlob(digest(0), "layer", 1)


@pytest.mark.parametrize(
    ("blobs", "expected"),
    [
        ([], None),
        ([FINE], None),
        ([FINE, failed(Reason.FOREIGN_SKIPPED)], None),
        ([failed(Reason.FOREIGN_SKIPPED), failed(Reason.DIGEST_MISMATCH)], Reason.DIGEST_MISMATCH),
        ([failed(Reason.BLOB_MISSING), failed(Reason.DIGEST_MISMATCH)], Reason.BLOB_MISSING),
        ([failed(Reason.BLOB_MISSING), failed(Reason.TIMEOUT, temporary=True)], Reason.TIMEOUT),
    ],
)
def test_an_image_fails_for_its_first_blob_but_rather_for_a_passing_reason(
    blobs: list[FetchedBlob], expected: Reason | None
) -> None:
    """As long as something may heal the image is tried again; a foreign layer is no failure."""
    failure = first_failure([], blobs)
    assert (failure and failure.reason) == expected


@pytest.mark.parametrize(("temporary", "expected"), [(False, None), (True, Reason.BLOB_MISSING)])
def test_what_is_wrong_for_good_with_an_artifact_is_no_failure_of_its_image(
    *, temporary: bool, expected: Reason | None
) -> None:
    """The image is whole; what may heal is tried again with it."""
    blob = FetchedBlob(digest(1), "artifact", 1, Failure(Reason.BLOB_MISSING, "because", temporary))
    failure = first_failure([], [FINE, blob])
    assert (failure and failure.reason) == expected


def test_a_child_that_is_not_there_does_not_make_an_image_incomplete_but_a_broken_one_does() -> None:
    """Sparse indexes are allowed (image-spec); a manifest that is no manifest is not."""
    sparse = Failure(Reason.MANIFEST_MISSING, "gone")
    broken = Failure(Reason.MANIFEST_INVALID, "prose")
    assert first_failure([sparse], [FINE]) is None
    assert first_failure([sparse, broken], [FINE]) is broken


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.FOREIGN_SKIPPED])
def test_an_image_is_incomplete_without_a_layer_for_whatever_reason_it_is_not_there(reason: Reason) -> None:
    """Only a layer that was not asked for, as it is kept elsewhere, may be lacking."""
    failure = first_failure([], [FINE, failed(reason)])
    assert failure is not None
    assert failure.reason is reason


@pytest.mark.parametrize("reason", [each for each in Reason if each is not Reason.MANIFEST_MISSING])
def test_an_image_is_incomplete_without_a_child_that_its_registry_holds(reason: Reason) -> None:
    """Only one that it does not hold may be lacking."""
    assert first_failure([Failure(reason, "because")], [FINE]) == Failure(reason, "because")


@pytest.mark.parametrize("reason", Reason)
def test_what_one_image_met_with_is_known_to_later_ones_only_if_it_is_about_the_bytes(reason: Reason) -> None:
    """What one repository refuses another may give; what a host cannot give now it may give later."""
    assert is_of_the_bytes(reason) is (
        reason
        in {
            Reason.AMBIGUOUS,
            Reason.DIGEST_MISMATCH,
            Reason.MANIFEST_INVALID,
            Reason.SIZE_MISMATCH,
            Reason.TOO_LARGE,
            Reason.UNSUPPORTED_TYPE,
        }
    )


@pytest.mark.parametrize(
    ("reason", "temporary", "expected"),
    [
        (Reason.NETWORK, True, True),
        (Reason.SERVER_ERROR, True, True),
        (Reason.DIGEST_MISMATCH, False, True),
        (Reason.BLOB_MISSING, False, False),
        (Reason.DENIED, False, False),
        (Reason.UNEXPECTED_ANSWER, False, False),
    ],
)
def test_who_waited_for_the_same_request_shares_its_failure_unless_the_asker_was_refused(
    reason: Reason, *, temporary: bool, expected: bool
) -> None:
    """Sixteen images that wait for one blob do not each wait for a dead host again."""
    error = RegistryError(reason, "because", temporary=temporary)
    assert holds_for_all_who_waited(error) is expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (layer(1, 100), None),
        (layer(1, None), None),
        (layer(1, 101), Reason.TOO_LARGE),
        (layer(1, 2**63 - 1), Reason.TOO_LARGE),
        (layer(1, 1, FOREIGN), Reason.FOREIGN_SKIPPED),
        (Descriptor(LAYER, Digest.parse("blake3:" + "0" * 64), 1), Reason.UNVERIFIABLE),
        (Descriptor(LAYER, Digest.parse("made+up:AAAA"), 1), Reason.UNVERIFIABLE),
    ],
)
def test_some_blobs_are_not_even_asked_for(wanted: Descriptor, expected: Reason | None) -> None:
    """Foreign layers, digests nobody can compute, and sizes above the bound."""
    failure = why_not_asked_for(wanted, 100)
    assert (failure and failure.reason) == expected


def test_a_foreign_layer_is_asked_for_where_it_is_wanted_but_no_larger_one() -> None:
    """The other bounds hold all the same."""
    assert why_not_asked_for(layer(1, 100, FOREIGN), 100, foreign=True) is None
    failure = why_not_asked_for(layer(1, 101, FOREIGN), 100, foreign=True)
    assert failure is not None
    assert failure.reason is Reason.TOO_LARGE


def test_of_the_places_where_a_layer_is_kept_the_first_few_are_tried() -> None:
    """Each once, and with nothing in them that could not stand in a request: halves of characters can not."""
    urls = (
        "https://a/\ud800",
        "https://a/\udcff",
        "https://a/ b",
        "https://a/%20b",
        *(f"https://{number}/" for number in range(9)),
    )
    assert foreign_urls(Descriptor(FOREIGN, digest(1), 1, urls=urls)) == [
        "https://a/%20b",
        "https://0/",
        "https://1/",
        "https://2/",
    ]


def test_statements_are_those_about_the_images_at_hand() -> None:
    """One names its image, one does not and is about the index, one is about an image not chosen."""

    def statement(number: int, about: str | None) -> Descriptor:
        notes = {} if about is None else {"vnd.docker.reference.digest": about}
        platform = Platform("unknown", "unknown")
        return Descriptor(MANIFEST, digest(number), 1, platform=platform, annotations=notes)

    amd64, arm64 = child(1, "linux/amd64"), child(2, "linux/arm64")
    whole = index(
        amd64,
        arm64,
        statement(3, amd64.digest),
        statement(4, arm64.digest),
        statement(5, None),
        statement(6, "?"),
    )
    found = statements_in(whole, {whole.digest, amd64.digest})
    assert [(each.digest, each.subject, each.found_by) for each in found] == [
        (digest(3), amd64.digest, "index"),
        (digest(5), whole.digest, "index"),
        (digest(6), whole.digest, "index"),
    ]


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("sha256:" + "a" * 64, "sha256-" + "a" * 64),
        ("sha512:" + "a" * 128, "sha512-" + "a" * 64),
        ("a+b_c.d-e:" + "A=" * 40, "a-b_c.d-e-" + "A-" * 32),
        ("x" * 40 + ":y", "x" * 32 + "-y"),
    ],
)
def test_the_tag_that_lists_referrers_is_made_of_the_digest(text: str, tag: str) -> None:
    """Cut and cleaned as the specification says; cosign's tags begin with it."""
    assert referrers_tag(Digest.parse(text)) == tag
    assert is_tag(tag)
    assert cosign_tags(Digest.parse(text)) == [f"{tag}.sig", f"{tag}.att", f"{tag}.sbom"]
