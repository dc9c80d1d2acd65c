"""The report on the flight controller of ``samples/``, planned from its sealed objects and its lock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from layoutplan import check, inputs, report, solve
from layoutplan.model.plan import Solved
from tests.report.test_browser import show
from tests.toolchain import ROOT

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SAMPLE = ROOT / "samples" / "flight_controller"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    system = inputs.read_manifest(SAMPLE / "layout.toml", {}).system
    system = inputs.measure(system, {component.name: component.objects for component in system.components})
    outcome = solve.solve(system, lock=inputs.read_lock(SAMPLE / "layout.lock"))
    assert isinstance(outcome, Solved)
    return report.document(system, outcome, check.check_plan(system, outcome.plan))


def test_the_document_validates(document: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(report.report_schema()).validate(document)


def test_every_byte_is_counted_once(document: dict[str, Any]) -> None:
    for memory in document["memories"]:
        counted = ("used", "kernel", "padding", "gap", "reserved", "free")
        assert sum(memory[key] for key in counted) == memory["length"]
        assert memory["free"] >= 0
        assert 0 <= memory["bound"]["waste"] <= memory["padding"] + memory["gap"]


def test_every_partition_reaches_its_own_blocks_and_no_others(document: dict[str, Any]) -> None:
    """By the registers, at the first and the last byte of each block."""
    for block in document["blocks"]:
        for address in (block["base"], block["base"] + block["granted"] - 1):
            found = report.explain(document, address)
            allowed = {entry["partition"]: entry["access"] for entry in found["access"] if entry["access"]}
            assert allowed == block["rights"], block["name"]


def test_text_fits_80_columns_without_breaking_a_name(document: dict[str, Any]) -> None:
    plain = report.text(document)
    assert max(map(len, plain.splitlines())) <= 80
    for block in document["blocks"]:
        assert block["name"] in plain


@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_is_no_wider_than_the_window(
    document: dict[str, Any], browser: Chrome, tmp_path: Path, width: int
) -> None:
    page = tmp_path / "sample.html"
    page.write_text(report.html(document), encoding="utf-8")
    show(browser, page, width=width, scheme="dark")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_readmes_picture_is_this_plans(document: dict[str, Any], request: pytest.FixtureRequest) -> None:
    picture = SAMPLE / "memory_map.svg"
    drawn = report.memory_map_svg(document)
    if request.config.getoption("--regenerate"):
        picture.write_text(drawn, encoding="utf-8")
    assert picture.read_text(encoding="utf-8") == drawn, "run pytest tests/report --regenerate and look at it"
