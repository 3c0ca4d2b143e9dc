"""The published JSON Schemas of the profiles, as files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from corpus.profiles import profile_schema
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def write_schemas(folder: Path) -> list[Path]:
    """Write ``<document>.schema.json`` for every document; returns what was written.

    Raises:
        ConfigurationError: The folder cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, schema in profile_schema().items():
            path = folder / f"{name}.schema.json"
            path.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write schemas to {folder} ({error.strerror}): name a writable folder with --out"
        ) from error
    return written
