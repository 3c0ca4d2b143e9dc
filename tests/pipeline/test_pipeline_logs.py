"""The log of a run: JSON lines, without secrets."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.logs import HIDDEN, JsonLines, LogFile, logging_to, redact
from registry.digests import EMPTY_LAYER
from registry.errors import Reason


def event(secrets: tuple[str, ...] = (), /, **fields: Any) -> dict[str, Any]:
    """What is written of an event with ``fields``."""
    record = logging.makeLogRecord(
        {"name": "downloader.fetch", "msg": "image_done", "levelname": "INFO", **fields}
    )
    line = JsonLines(secrets).format(record)
    assert "\n" not in line
    decoded: dict[str, Any] = json.loads(line)
    return decoded


def test_an_event_has_time_level_room_name_and_its_fields() -> None:
    """One object per event, with the room that told it."""
    written = event(created=0.5, image="docker.io/library/debian:latest", blobs=3)
    assert written == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "info",
        "room": "downloader",
        "event": "image_done",
        "image": "docker.io/library/debian:latest",
        "blobs": 3,
    }


def test_values_of_our_own_types_are_written_as_their_text() -> None:
    """Enumerations, digests and whatever else has a text."""
    written = event(reason=Reason.NO_TAG, digest=EMPTY_LAYER, odd=ValueError("x"), both=(1, "b"))
    assert written["reason"] == "no_tag"
    assert written["digest"] == str(EMPTY_LAYER)
    assert written["odd"] == "x"
    assert written["both"] == [1, "b"]


def test_text_that_is_not_utf8_is_escaped() -> None:
    """A lone surrogate, as hostile names have them, costs neither the event nor the log."""
    assert event(image="a\udcffb")["image"] == "a\\udcffb"


def test_an_exception_is_kept_with_its_traceback() -> None:
    """What a person needs to understand a bug stands in the log."""
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("deep inside")
    written = event(exc_info=(caught.type, caught.value, caught.tb))
    assert "Traceback" in written["exception"]
    assert "RuntimeError: deep inside" in written["exception"]


@pytest.mark.parametrize(
    "name", ["password", "Authorization", "access_token", "client_secret", "credentials"]
)
def test_fields_named_like_secrets_are_hidden(name: str) -> None:
    """Whatever they hold."""
    assert event(**{name: ["anything"]})[name] == HIDDEN
    assert event(headers={name: "anything"})["headers"] == {name: HIDDEN}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer eyJhbGciOi.J9x-_", f"Authorization: Bearer {HIDDEN}"),
        ("sent Basic dXNlcjpwYXNz= to", f"sent Basic {HIDDEN} to"),
        ("https://me:pw@host/v2/", f"https://{HIDDEN}@host/v2/"),
        ("https://cdn/x?X-Amz-Signature=abc&n=1", f"https://cdn/x?X-Amz-Signature={HIDDEN}&n=1"),
        ("https://cdn/x?n=1?sig=a?b&m=2", f"https://cdn/x?n=1?sig={HIDDEN}&m=2"),
        ("https://cdn/x?n=1&verify=abc%3D", f"https://cdn/x?n=1&verify={HIDDEN}"),
        ("a bearer of news", "a bearer of news"),
        ("http://host/v2/_catalog?n=5&last=a", "http://host/v2/_catalog?n=5&last=a"),
    ],
)
def test_text_that_looks_like_a_secret_is_hidden(text: str, expected: str) -> None:
    """Headers, accounts in URLs, signatures in queries; and nothing else."""
    assert redact(text) == expected


@given(before=st.text(), secret=st.text("abcdef0123456789", min_size=8), after=st.text())
def test_a_known_secret_never_reaches_the_log(before: str, secret: str, after: str) -> None:
    """Wherever it stands, in the name of an event or in a field."""
    record = logging.makeLogRecord(
        {"name": "x", "msg": before + secret + after, "detail": [before + secret, {"k": secret}]}
    )
    assert secret not in JsonLines([secret]).format(record)


@pytest.mark.parametrize("text", ["?sig", "&", "sig", "://", "basic ", "a:", "?key=", "&&sig"])
def test_a_hostile_text_of_any_kind_is_read_at_once(text: str) -> None:
    """A registry chooses what stands in a URL; it must not stop the program by that."""
    started = time.process_time()
    redact("http://h/&" + text * (65_536 // len(text)))
    assert time.process_time() - started < 1


def test_events_of_every_room_at_or_above_the_level_are_appended_while_the_block_runs(tmp_path: Path) -> None:
    """Before and after, nothing; below the level, nothing."""
    path = tmp_path / "run.jsonl"
    log = logging.getLogger("registry.transport")
    log.warning("before")
    with logging_to(path, "info"):
        log.debug("too fine")
        log.info("inside", extra={"n": 1})
    log.warning("after")
    assert [(line["event"], line["n"]) for line in map(json.loads, path.read_text().splitlines())] == [
        ("inside", 1)
    ]


def test_a_password_that_is_not_set_hides_nothing() -> None:
    """An empty secret is no secret."""
    assert event(("",), note="plain")["note"] == "plain"


def test_what_a_full_disk_does_not_take_is_counted_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The program has its own sentence for that; logging has none, and no traceback."""
    with logging_to(Path("/dev/full"), "info") as log:
        logging.getLogger("registry").info("lost")
        logging.getLogger("registry").info("lost too")
    assert log.lost == 2
    assert capsys.readouterr() == ("", "")


def test_a_fault_in_an_event_is_not_taken_for_a_full_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a bug, and shown."""
    log = LogFile(tmp_path / "run.jsonl")
    log.emit(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    log.close()
    assert log.lost == 0
    assert "Logging error" in capsys.readouterr().err
