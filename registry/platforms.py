"""What an image runs on, and which of several ways of writing it mean the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

# containerd's names of the same machine (platforms/database.go): architecture, and the variant it implies.
_SAME_ARCHITECTURE = {
    "i386": ("386", ""),
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
# Of an architecture: variants, and what containerd calls them; "" is the one that goes without saying.
_SAME_VARIANT = {
    "amd64": {"v1": ""},
    "arm64": {"8": "", "v8": "", "v8.0": ""},
    "arm": {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"},
}
_SAME_OS = {"macos": "darwin"}


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, in Go's vocabulary."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os/architecture[/variant]``; ``ValueError`` says what is wrong with it."""
        parts = text.split("/")
        if len(parts) not in {2, 3} or not all(parts):
            raise ValueError(f"not a platform: {text[:100]!r}; write os/architecture[/variant]")
        return cls(*parts)

    def __str__(self) -> str:
        """``os/architecture[/variant]``."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part is not None)

    @property
    def normalized(self) -> Platform:
        """The one way of writing all platforms that are the same: ``linux/arm64/v8`` is ``linux/arm64``."""
        os, architecture = self.os.lower(), self.architecture.lower()
        architecture, implied = _SAME_ARCHITECTURE.get(architecture, (architecture, None))
        variant = (self.variant or "").lower() if implied is None else implied
        variant = _SAME_VARIANT.get(architecture, {}).get(variant, variant)
        return Platform(_SAME_OS.get(os, os), architecture, variant or None)
