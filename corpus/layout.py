"""Where everything lies under ``data/``: the only module that knows a path.

``data/`` is itself an OCI image layout (image-spec, image-layout.md), so that skopeo,
crane, umoci and podman read it.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.durability import replacing
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from registry.digests import Digest

# Not for want of permission: room can be made, and the same command repeated.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below one data directory."""

    root: Path

    @property
    def catalog(self) -> Path:
        """The SQLite database of progress."""
        return self.root / "catalog.sqlite"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes here."""
        return self.root / ".lock"

    @property
    def index(self) -> Path:
        """``index.json`` of the OCI layout: one descriptor per image fetched."""
        return self.root / "index.json"

    @property
    def blobs(self) -> Path:
        """One folder per algorithm, one file per blob."""
        return self.root / "blobs"

    @property
    def foreign(self) -> Path:
        """What lay among our files and was none of them: moved here by ``verify --repair``."""
        return self.root / "foreign"

    @property
    def evidence(self) -> Path:
        """Answers of sites that were not what they should be, named by the sha256 of their bytes."""
        return self.root / "evidence"

    @property
    def tables(self) -> Path:
        """One folder of Parquet files per table."""
        return self.root / "tables"

    @property
    def report(self) -> Path:
        """``index.html``, with its figures and numbers beside it."""
        return self.root / "report"

    @property
    def partial(self) -> Path:
        """Downloads under way, resumable across processes."""
        return self.root / "partial"

    @property
    def logs(self) -> Path:
        """One file of JSON lines per run."""
        return self.root / "logs"

    def blob(self, digest: Digest) -> Path:
        """Where the bytes named ``digest`` are kept; the name is the digest of the bytes."""
        # In one piece: built several times per blob, and each `/` would build another path.
        return Path(f"{self.root}/blobs/{digest.algorithm}/{digest.encoded}")

    def partial_blob(self, digest: Digest) -> Path:
        """Where the bytes named ``digest`` are gathered until they are verified."""
        return Path(f"{self.root}/partial/{digest.algorithm}-{digest.encoded}")

    def partial_unnamed(self, key: str) -> Path:
        """Where bytes are gathered whose digest is not known yet; ``key``, any text, tells them apart."""
        return self.partial / f"unnamed-{sha256(key.encode()).hexdigest()}"

    def layer_profile(self, digest: Digest) -> Path:
        """The profile of one layer blob."""
        return self._profile("layers", digest)

    def findings(self, digest: Digest) -> Path:
        """What analysers found in one layer blob; there is none where they found nothing."""
        return self._profile("findings", digest)

    def image_profile(self, digest: Digest) -> Path:
        """The profile of one image; ``digest`` is that of its manifest's bytes."""
        return self._profile("images", digest)

    def relative(self, path: Path) -> str:
        """``path`` as written into profiles and shown to people: relative to the data directory."""
        return path.relative_to(self.root).as_posix()

    def _profile(self, kind: str, digest: Digest) -> Path:
        # Two hexadecimal digits of fan-out keep a folder of 2 million profiles at 8,000 entries.
        return self.root / "profiles" / kind / digest.encoded[:2] / f"{digest.encoded}.json.zst"

    def ensure(self) -> None:
        """Create the folders that are missing.

        Raises:
            ConfigurationError: The directory cannot be written.
            OSError: The disk is full.
        """
        try:
            for folder in (self.root, self.partial, self.logs, self.blobs / "sha256"):
                folder.mkdir(parents=True, exist_ok=True)
            marker = self.root / "oci-layout"
            if not marker.exists():
                with replacing(marker) as file:  # never half of it: it is not looked into again
                    file.write(_OCI_LAYOUT)
            self.lock.touch()
        except OSError as error:
            if error.errno in _FULL:
                raise
            raise ConfigurationError(
                f"cannot write to the data directory {self.root} ({error.strerror}): "
                "make it writable, or name another one with --data",
            ) from error
