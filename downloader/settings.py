"""Settings of the download, each with its unit and the reason for its default."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class DownloadSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What to fetch, and how much at a time."""

    tags: Annotated[
        str,
        Meta(
            description=(
                "Tags to fetch: `latest` (as the paper did), `all`, `newest:N` (the N pushed or built "
                "last), names separated by commas, or a regular expression that the whole tag must match."
            )
        ),
    ] = "latest"
    platform: Annotated[
        str,
        Meta(
            description=(
                "Platforms to fetch from an index: `os/architecture[/variant]`, several separated by commas, "
                "or `all`. One per image keeps the census at one count per image."
            )
        ),
    ] = "linux/amd64"
    referrers: Annotated[
        bool,
        Meta(
            description=(
                "Fetch what others say of an image, too: its referrers (signatures, SBOMs), and cosign's "
                "tags. Off: each costs requests, and at Docker Hub pulls."
            )
        ),
    ] = False
    foreign_layers: Annotated[
        bool,
        Meta(
            description=(
                "Fetch layers that are kept outside of the registry, from the URLs in the manifest. "
                "Off: their licence is why they are kept elsewhere (Windows base layers)."
            )
        ),
    ] = False
    order: Annotated[
        Literal["popularity", "newest", "random"],
        Meta(
            description=(
                "Which images come first: those pulled most (`popularity`), updated last (`newest`), or a "
                "sample without bias (`random`, with `seed`)."
            )
        ),
    ] = "popularity"
    seed: Annotated[
        int,
        Meta(description="Another seed gives another random order; the same gives the same, on any machine."),
    ] = 0
    limit: Annotated[
        int,
        Meta(ge=0, description="Take only this many images, the first of the order; 0: all."),
    ] = 0
    retry_failed: Annotated[
        bool,
        Meta(
            description=(
                "Try all images again that failed, at once. Without it, those that failed for a passing "
                "reason (network, server error) are tried when they are due (see `retry_wait_s`), and the "
                "others are not."
            )
        ),
    ] = False
    parallel_images: Annotated[
        int,
        Meta(
            ge=1,
            description=(
                "Images of one registry worked on at a time: enough to hide the latency of small requests. "
                "Of many registries it is fewer each."
            ),
        ),
    ] = 16
    parallel_layers: Annotated[
        int,
        Meta(
            ge=1,
            description="Blobs on their way at a time, over all images: enough to fill a fast line.",
        ),
    ] = 16
    blob_attempts: Annotated[
        int,
        Meta(
            ge=1,
            description="Tries for the body of a blob, resuming where it broke off, before it has failed.",
        ),
    ] = 4
    ranges_from_bytes: Annotated[
        int,
        Meta(
            ge=1 << 20,
            description=(
                "Blobs of this size and more are fetched in several parts at a time, in bytes, where "
                "connections are free: many hosts are slow per connection."
            ),
            extra_json_schema={"unit": "bytes"},
        ),
    ] = 64 << 20
    parallel_ranges: Annotated[
        int,
        Meta(ge=1, description="Parts of one blob on their way at a time; 1 takes every blob in one piece."),
    ] = 4
    max_blob_bytes: Annotated[
        int,
        Meta(
            ge=1 << 20,
            description=(
                "Largest blob accepted, in bytes: a body without end must not fill the disk. "
                "Above what registries take: 10 GB at Docker Hub and GHCR, 52 GB at ECR."
            ),
            extra_json_schema={"unit": "bytes"},
        ),
    ] = 64 << 30
    failures_in_a_row: Annotated[
        int,
        Meta(
            ge=1,
            description=(
                "Stop after this many images in a row got no answer, each already retried: a registry that "
                "is down is waited for by whoever runs this, not by failing every image. Well above the "
                "number of images on their way when a line breaks for a moment."
            ),
        ),
    ] = 50
    max_manifest_bytes: Annotated[
        int,
        Meta(
            ge=4 << 20,
            description=(
                "Largest manifest accepted, in bytes. Registries accept 4 MiB at least; here twice that."
            ),
            extra_json_schema={"unit": "bytes"},
        ),
    ] = 8 << 20
    retry_wait_s: Annotated[
        float,
        Meta(
            ge=0,
            description=(
                "Images that failed for a passing reason are due again after 1 min, 10 min, 1 h, 6 h and "
                "a day. A run waits for those due within this time, in seconds, and leaves the others to "
                "later runs."
            ),
            extra_json_schema={"unit": "s"},
        ),
    ] = 900.0
    checkpoint_s: Annotated[
        float,
        Meta(
            gt=0,
            description="Time between checkpoints, in seconds: what a crash has to verify again, at most.",
            extra_json_schema={"unit": "s"},
        ),
    ] = 5.0

    @property
    def scope(self) -> str:
        """What of an image is fetched, as it is recorded with the image: ``linux/amd64 +referrers``."""
        extras = [" +referrers"] * self.referrers + [" +foreign"] * self.foreign_layers
        return self.platform + "".join(extras)
