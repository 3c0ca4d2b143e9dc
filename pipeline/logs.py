"""The log of a run: ``logs/<run>.jsonl``, one JSON object per event, without secrets."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

HIDDEN = "***"

# What every LogRecord has; the rest are the fields of the event.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_SECRET_FIELD = re.compile(r"(?i)passw|secret|token$|authorization|credential")
_SECRET_TEXT = (
    # Authorization headers and bearer tokens.
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    # user:password@ in a URL.
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{HIDDEN}@"),
    # Signatures and tokens in the query of a URL (CDN redirects are signed). The lookahead is tried once
    # per key: a word sought between two repeats takes the cube of the length of a hostile text.
    (
        re.compile(
            r"(?i)([?&](?=[^?&=\s]*(?:sig|token|secret|password|credential|verify|key))[^?&=\s]*=)[^&\s]+"
        ),
        rf"\1{HIDDEN}",
    ),
)


def redact(text: str, secrets: Collection[str] = ()) -> str:
    """``text`` without the given secrets, and without anything that looks like one."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


class JsonLines(logging.Formatter):
    """Formats an event as ``{"time", "level", "room", "event", …fields}``; times are ISO 8601, UTC."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if secret]

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "room": record.name.partition(".")[0],
            "event": self._text(record.getMessage()),
            **{
                name: self._clean(name, value)
                for name, value in vars(record).items()
                if name not in _STANDARD
            },
        }
        if record.exc_info:
            event["exception"] = self._text(self.formatException(record.exc_info))
        return msgspec.json.encode(event).decode()

    def _clean(self, name: str, value: Any) -> Any:
        """``value`` as plain JSON, without secrets; ``name`` is the field it belongs to."""
        if _SECRET_FIELD.search(name):
            return HIDDEN
        if isinstance(value, dict):
            return {self._text(inner): self._clean(str(inner), item) for inner, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(name, item) for item in value]
        return value if isinstance(value, int | float | None) else self._text(value)

    def _text(self, value: object) -> str:
        """The text of ``value``, fit for a file: hostile names may hold what is no UTF-8."""
        return redact(str(value), self._secrets).encode("utf-8", "backslashreplace").decode()


class LogFile(logging.FileHandler):
    """A file of events; those that a full disk does not take are counted, and cost nothing else.

    Attributes:
        lost: Number of events that could not be written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8")
        self.lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the method of the base class
        """Count what the disk did not take; a fault of ours is shown as ever."""
        if isinstance(sys.exc_info()[1], OSError):
            self.lost += 1
        else:
            super().handleError(record)

    def close(self) -> None:
        """Let go of the file; what is still to be written was counted when it was not taken."""
        with suppress(OSError):
            super().close()


@contextmanager
def logging_to(path: Path, level: str, secrets: Collection[str] = ()) -> Iterator[LogFile]:
    """Append every event of the process to ``path`` while the block runs."""
    root = logging.getLogger()
    handler = LogFile(path)
    handler.setFormatter(JsonLines(secrets))
    previous = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    try:
        yield handler
    finally:
        root.setLevel(previous)
        root.removeHandler(handler)
        handler.close()
