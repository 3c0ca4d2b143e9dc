"""One layer blob in, one layer profile out: a single pass, whatever the blob holds.

This is what runs in worker processes: :func:`profile_layer` depends on nothing but its arguments, and what it
returns is small and can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.layers.blob import READ_BYTES, Blob
from analyzer.layers.deadline import Deadline
from analyzer.layers.faults import LayerFault, status_of
from analyzer.layers.reading import LayerReading
from analyzer.memory import reserve
from corpus.profiles.layer import LayerReason, LayerSummary
from corpus.profiles.stream import LayerProfileWriter

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.analysers.collection import Collection
    from analyzer.settings import LayerLimits
    from registry.digests import Digest


def profile_layer(  # noqa: PLR0913 - what is optional has no influence on the profile
    blob: Path,
    digest: Digest,
    media_type: str,
    target: Path,
    limits: LayerLimits,
    *,
    read_bytes: int = READ_BYTES,
    collection: Collection | None = None,
) -> LayerSummary:
    """Read a layer blob once and write its profile beside ``target``, to be committed by the caller.

    Whatever the blob holds, there is a profile, with a status, a reason and the rows that could be read; the
    profile depends on the bytes, the media type and the limits alone, unless the time or the memory of the
    worker is used up.

    Args:
        blob: The file with the bytes.
        digest: The digest they are stored under; whether they have it is part of the profile.
        media_type: As the manifest lists it; only compared with the bytes.
        target: The profile's final path.
        limits: What the layer may cost.
        read_bytes: Bytes per read of the file; it has no influence on the profile.
        collection: Gathers what analysers find on the way.

    Returns:
        The profile without its rows. All of it is complete under a temporary name until
        :func:`corpus.profiles.stream.commit` is given ``target``.

    Raises:
        OSError: The disk, never the content.
        MemoryError: What was read took so much that it cannot even be summed up.
    """
    try:
        with blob.open("rb") as file, LayerProfileWriter(target) as writer:
            source = Blob(file, digest, read_bytes, Deadline(limits.layer_timeout_s))
            reading = LayerReading(source, media_type, limits, collection)
            for rows in reading.batches():
                with reserve():  # the reading may have used up the rest, and the encoder crashes without any
                    writer.entries(rows)
            with reserve():  # a layer that used up the memory needs some to be summed up
                reading.drain()
                writer.directories(reading.directories())
                summary = reading.summary(digest)
                writer.finish(summary)
    except LayerFault as fault:  # not even a first byte could be read in time
        return profile_lost_layer(blob, digest, media_type, target, fault.reason)
    return summary


def profile_lost_layer(
    blob: Path, digest: Digest, media_type: str, target: Path, reason: LayerReason
) -> LayerSummary:
    """The profile of a layer that was lost, rows and all: its worker did not come back.

    Raises:
        OSError: The disk.
    """
    summary = LayerSummary(
        digest=str(digest),
        media_type=media_type,
        status=status_of(reason),
        reason=reason,
        cls_bytes=blob.stat().st_size,
    )
    with LayerProfileWriter(target) as writer:
        writer.directories(())
        writer.finish(summary)
    return summary
