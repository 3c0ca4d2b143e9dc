"""What is printed, and how it is broken into lines."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.output import say, tell, wrapped

if TYPE_CHECKING:
    import pytest

WIDE = "  repositories    87 found, 31 of them official, and so on until the line is full"


def test_a_line_of_a_summary_hangs_below_its_own_column() -> None:
    """The label stays alone to the left."""
    assert wrapped([WIDE], 50) == [
        "  repositories    87 found, 31 of them official,",
        "                  and so on until the line is full",
    ]


def test_a_path_or_url_is_never_broken() -> None:
    """So that it can be copied, however narrow the terminal."""
    path = "/a/very/long/path-with-hyphens/that/is/wider/than/the/terminal/catalog.sqlite"
    assert path in [line.strip() for line in wrapped([f"  whole census    {path}"], 40)]


@given(st.text(), st.integers(20, 200))
def test_wrapping_loses_no_character_that_can_be_seen(text: str, width: int) -> None:
    """Whatever is printed."""
    assert "".join("".join(wrapped([text], width)).split()) == "".join(text.split())


def test_a_pipe_gets_lines_as_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads them may have any width."""
    monkeypatch.setenv("COLUMNS", "20")
    say(WIDE)
    assert capsys.readouterr().out == f"{WIDE}\n"


def test_a_sentence_on_a_terminal_is_broken_at_words() -> None:
    """Elsewhere it stays on one line."""
    sentence = "stopping: recording what is finished"
    narrow, plain = io.StringIO(), io.StringIO()
    tell(Console(file=narrow, width=25, force_terminal=True, color_system=None), sentence)
    tell(Console(file=plain, width=25), sentence)
    assert narrow.getvalue() == "stopping: recording what\n  is finished\n"
    assert plain.getvalue() == f"{sentence}\n"
