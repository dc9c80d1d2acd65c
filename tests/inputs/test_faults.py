"""Each fixture is refused with exactly its message, and its twin, one or a few lines away, is read."""

from __future__ import annotations

import pytest

from layoutplan.errors import BadInput
from layoutplan.inputs import read_manifest
from layoutplan.inputs.manifest import read_manifest_bytes
from tests.inputs.fixtures import ENVIRON, FOLDER, expected, names, twin, with_expectation


def refusal(name: str) -> str:
    with pytest.raises(BadInput) as caught:
        read_manifest(FOLDER / f"{name}.toml", ENVIRON)
    return str(caught.value)


@pytest.mark.parametrize("name", names())
def test_the_fault_has_exactly_its_message(name: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--regenerate"):
        path = FOLDER / f"{name}.toml"
        for _ in range(4):  # the message names lines, writing it moves them, and their order may change with it
            path.write_text(with_expectation(path.read_text(encoding="utf-8"), refusal(name)), encoding="utf-8")
    assert refusal(name) == expected(name)


@pytest.mark.parametrize("name", names())
def test_the_twin_without_the_fault_is_read(name: str) -> None:
    path = FOLDER / f"{name}.toml"
    read_manifest_bytes(twin(path.read_text(encoding="utf-8")).encode(), path, ENVIRON)
