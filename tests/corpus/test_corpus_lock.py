"""One writer per data directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.layout import Layout
from corpus.lock import exclusive
from registry.errors import ConfigurationError


def test_a_second_process_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    """The sentence names the process and the directory."""
    layout = Layout(tmp_path)
    layout.ensure()
    program = (
        "import sys; from pathlib import Path\n"
        "from corpus.layout import Layout; from corpus.lock import exclusive\n"
        "with exclusive(Layout(Path(sys.argv[1]))): pass"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with exclusive(layout):
        held = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert held.returncode != 0
    assert f"another hubcrawl (process {os.getpid()}) is working on {tmp_path}" in held.stderr
    assert subprocess.run(command, check=False, timeout=30).returncode == 0


def test_the_lock_is_free_after_use_and_after_an_error(tmp_path: Path) -> None:
    """However the holder ends, the next one gets it."""
    layout = Layout(tmp_path)
    layout.ensure()
    with pytest.raises(RuntimeError), exclusive(layout):
        raise RuntimeError
    with exclusive(layout):
        pass


def test_a_directory_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    """A path below a file cannot be created, not even by root."""
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ConfigurationError, match="cannot write to the data directory .* name another one with --data"
    ):
        Layout(tmp_path / "file" / "data").ensure()
