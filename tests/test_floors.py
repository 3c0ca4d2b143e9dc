"""The house has floors: nothing imports upward, and stages never import each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("registry", "corpus", "hubcrawl", "downloader", "analyzer", "report", "pipeline", "samplehub")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of ``folder``'s pyproject.toml on the packages that lie in it."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.slow
def test_the_project_keeps_its_floors() -> None:
    """Every contract of pyproject.toml holds."""
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("registry/planted.py", "corpus"),
        ("corpus/planted.py", "downloader"),
        ("hubcrawl/planted.py", "downloader"),
        ("analyzer/planted.py", "pipeline"),
        ("report/planted.py", "analyzer"),
        ("samplehub/planted.py", "corpus"),
    ],
)
def test_an_import_against_the_floors_is_found(tmp_path: Path, module: str, forbidden: str) -> None:
    """A planted import upward, sideways or out of the sample hub breaks a contract and is named."""
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    for module_of_registry in (ROOT / "registry").iterdir():  # which the contracts name one by one
        if module_of_registry.name not in {"__init__.py", "__pycache__"}:
            (tmp_path / "registry" / f"{module_of_registry.stem}.py").write_text("")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (tmp_path / module).write_text(f"import {forbidden}\n")
    done = lint_imports(tmp_path)
    assert done.returncode != 0
    assert f"{module.split('/', maxsplit=1)[0]}.planted -> {forbidden}" in done.stdout
