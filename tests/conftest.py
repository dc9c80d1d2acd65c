"""What every test folder may use: golden files, with the one flag that rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.toolchain import IN_CI

Golden = Callable[[str, str], None]
"""``golden(name, text)``: compares ``text`` with the file ``golden/<name>`` beside the test."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate",
        action="store_true",
        help="rewrite golden files with what the code gives now, for a person to read in the diff; refused in CI",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--regenerate") and IN_CI:
        raise pytest.UsageError("--regenerate is refused with CI=true: a golden file is accepted by a person")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare with a golden file, or rewrite it under ``--regenerate``."""
    folder = Path(request.path).parent / "golden"
    regenerate = bool(request.config.getoption("--regenerate"))

    def compare(name: str, text: str) -> None:
        path = folder / name
        if regenerate:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert path.exists(), f"{path} does not exist: run pytest with --regenerate and read what it wrote"
        assert text == path.read_bytes().decode(), (
            f"{path.name} differs: run pytest with --regenerate and read the diff"
        )

    return compare
