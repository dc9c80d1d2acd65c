"""The page in a real browser: nothing is logged, nothing overflows, tables are tables, both schemes are readable."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from layoutplan import report
from tests.report.build import PROVED, infeasible, small_outcome, small_system

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, Path]:
    documents = {
        "planned": report.document(small_system(), small_outcome(), PROVED),
        "infeasible": report.document(small_system(), infeasible(), None),
    }
    for name, document in documents.items():
        (tmp_path / f"{name}.html").write_text(report.html(document), encoding="utf-8")
    return {name: tmp_path / f"{name}.html" for name in documents}


def show(browser: Chrome, page: Path, *, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(page.as_uri())


def logged(browser: Chrome, kind: str) -> list[dict[str, Any]]:
    """What the browser logged since it was last asked."""
    entries: list[dict[str, Any]] = browser.execute("getLog", {"type": kind})["value"]
    return entries


@pytest.mark.parametrize("name", ["planned", "infeasible"])
@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_is_wider_than_the_window(browser: Chrome, pages: dict[str, Path], name: str, width: int) -> None:
    show(browser, pages[name], width=width, scheme="light")
    assert browser.execute_script("return innerWidth") == width
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_a_tables_title_is_read_without_scrolling(browser: Chrome, pages: dict[str, Path]) -> None:
    show(browser, pages["planned"], width=400, scheme="light")
    ends: list[float] = browser.execute_script(
        "return [...document.querySelectorAll('caption')].map(c => c.getBoundingClientRect().right)"
    )
    assert len(ends) == 8
    assert max(ends) <= 400


def test_the_console_stays_empty_and_nothing_is_fetched(browser: Chrome, pages: dict[str, Path]) -> None:
    logged(browser, "performance")
    for page in pages.values():
        show(browser, page, width=1200, scheme="light")
    assert logged(browser, "browser") == []
    sent = [
        entry["message"] for entry in logged(browser, "performance") if "Network.requestWillBeSent" in entry["message"]
    ]
    urls = {url for message in sent for url in re.findall(r'"url":"([^"]*)"', message)}
    assert urls <= {*(page.as_uri() for page in pages.values()), "data:,"}


def test_tables_have_captions_and_scoped_headings(browser: Chrome, pages: dict[str, Path]) -> None:
    show(browser, pages["planned"], width=1200, scheme="light")
    tables: list[dict[str, Any]] = browser.execute_script(
        "return [...document.querySelectorAll('table')].map(t => ({"
        "  id: t.id, caption: t.caption?.textContent, rows: t.tBodies[0].rows.length, bodies: t.tBodies.length,"
        "  scoped: [...t.querySelectorAll('th')].every(h => h.scope),"
        "  cells: new Set([...t.rows].map(r => r.cells.length)).size"
        "}))"
    )
    assert [table["id"] for table in tables] == [
        "blocks-flash",
        "blocks-ram",
        "components",
        "memories",
        "stacks",
        "peripherals",
        "registers-io",
        "registers-mix",
    ]
    assert all(table["caption"] and table["scoped"] and table["cells"] == 1 for table in tables)
    assert [table["bodies"] for table in tables] == [1] * 8
    assert [table["rows"] for table in tables] == [2, 3, 6, 2, 3, 1, 8, 8]


@pytest.mark.parametrize("name", ["planned", "infeasible"])
def test_names_of_elements_are_unique_and_references_resolve(
    browser: Chrome, pages: dict[str, Path], name: str
) -> None:
    show(browser, pages[name], width=1200, scheme="light")
    ids: list[str] = browser.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    labels: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('[aria-labelledby]')].map(e => e.getAttribute('aria-labelledby'))"
    )
    assert labels
    assert set(labels) <= set(ids)


def test_the_map_is_to_scale(browser: Chrome, pages: dict[str, Path]) -> None:
    """Drawn heights in one bar are as the bytes are."""
    show(browser, pages["planned"], width=1200, scheme="light")
    heights: dict[str, list[float]] = browser.execute_script(
        "const drawn = {};"
        "for (const r of document.querySelectorAll('.maps svg:last-of-type rect:not(.hatch)'))"
        "  (drawn[r.querySelector('title').textContent] ??= []).push(r.height.baseVal.value);"
        "return drawn"
    )
    sizes = {title: int(re.findall(r"(\d+) B", title)[0]) for title in heights if "0x2000" in title}
    assert sum(sizes.values()) == 0x8000
    zoomed = {title: heights[title][1] for title in sizes if len(heights[title]) == 2}
    assert sum(sizes[title] for title in zoomed) == 0xE00
    scale = sum(zoomed.values()) / 0xE00
    for title, height in zoomed.items():
        assert height == pytest.approx(sizes[title] * scale, abs=0.02)


CONTRAST = """
const luminance = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const surface = luminance(getComputedStyle(document.body).backgroundColor);
const against = colour => {
  const [low, high] = [luminance(colour), surface].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const texts = [...document.querySelectorAll('body :not(style, title)')].filter(
  e => [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim()));
return texts.map(e => [e.tagName + '.' + e.getAttribute('class'),
  against(e.closest('svg') ? getComputedStyle(e).fill : getComputedStyle(e).color)]);
"""


@pytest.mark.parametrize("name", ["planned", "infeasible"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_the_page(browser: Chrome, pages: dict[str, Path], name: str, scheme: str) -> None:
    """WCAG 2.2 asks for a contrast of 4.5 to 1."""
    show(browser, pages[name], width=1200, scheme=scheme)
    contrasts: list[tuple[str, float]] = browser.execute_script(CONTRAST)
    assert len(contrasts) > 10
    assert [entry for entry in contrasts if entry[1] < 4.5] == []


def test_the_schemes_differ(browser: Chrome, pages: dict[str, Path]) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        show(browser, pages["planned"], width=1200, scheme=scheme)
        colours.add(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2


def test_the_svg_file_stands_alone(browser: Chrome, tmp_path: Path) -> None:
    drawing = tmp_path / "map.svg"
    drawing.write_text(
        report.memory_map_svg(report.document(small_system(), small_outcome(), PROVED)), encoding="utf-8"
    )
    logged(browser, "browser")
    browser.get(drawing.as_uri())
    assert browser.execute_script("return document.querySelector('parsererror')") is None
    assert browser.execute_script("return document.querySelectorAll('svg svg').length") == 2
    assert logged(browser, "browser") == []
