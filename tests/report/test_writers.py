"""Every writer against golden files, and what must hold of each whatever the document says."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from layoutplan import report
from layoutplan.address import hexadecimal
from layoutplan.model.component import Budget
from layoutplan.model.evidence import Finding, Verdict
from layoutplan.model.plan import Solved
from tests.conftest import Golden
from tests.report.build import PROVED, infeasible, small_outcome, small_plan, small_system, undecided

WRITERS = {
    "txt": report.text,
    "json": report.json,
    "md": report.markdown,
    "csv": report.csv,
    "html": report.html,
    "svg": report.memory_map_svg,
}


def documents() -> dict[str, dict[str, Any]]:
    refuted = Verdict(
        obligations=12,
        proved=10,
        findings=(Finding(rule="isolation", partition="io", message="`io` may write `mix.data`"),),
        unknown=("transition io to mix",),
    )
    return {
        "planned": report.document(small_system(), small_outcome(), PROVED),
        "refuted": report.document(small_system(), small_outcome(), refuted),
        "infeasible": report.document(small_system(), infeasible(), None),
        "undecided": report.document(small_system(), undecided(), None),
    }


@pytest.mark.parametrize("outcome", ["planned", "refuted", "infeasible", "undecided"])
@pytest.mark.parametrize("form", WRITERS)
def test_golden(golden: Golden, outcome: str, form: str) -> None:
    golden(f"{outcome}.{form}", WRITERS[form](documents()[outcome]))


@pytest.mark.parametrize("form", WRITERS)
def test_a_stored_document_prints_the_same(form: str) -> None:
    for document in documents().values():
        assert WRITERS[form](json.loads(report.json(document))) == WRITERS[form](document)


@pytest.mark.parametrize("form", WRITERS)
def test_every_file_ends_with_one_newline(form: str) -> None:
    for document in documents().values():
        written = WRITERS[form](document)
        assert written.endswith("\n")
        assert not written.endswith("\n\n")


def test_plain_text_is_ascii_within_80_columns() -> None:
    for document in documents().values():
        plain = report.text(document)
        assert plain.isascii()
        assert max(map(len, plain.splitlines())) <= 80


def test_text_with_long_names_folds_them_and_keeps_every_number() -> None:
    plan = small_plan()
    name = "a-partition-with-a-very-long-name.code"
    first = plan.placements[0]
    longer = dataclasses.replace(first, block=dataclasses.replace(first.block, name=name))
    outcome = Solved(plan=dataclasses.replace(plan, placements=(longer, *plan.placements[1:])))
    plain = report.text(report.document(small_system(), outcome, PROVED))
    assert max(map(len, plain.splitlines())) <= 80
    for number in ("3704", "4096", "392", "0x0800_f000"):
        assert number in plain


@pytest.mark.parametrize("width", [1, 20, 40, 79])
def test_a_narrow_terminal_costs_no_digit_and_no_letter(width: int) -> None:
    """What does not fit widens the table: a figure without its last digit would be a wrong figure."""
    document = documents()["planned"]
    written = report.text(document, width=width)
    for block in document["blocks"]:
        for text in (str(block["used"]), str(block["granted"]), hexadecimal(block["base"])):
            assert re.search(rf"(?<!\d){text}(?!\d)", written), text
    without_blanks = re.sub(r"\s", "", report.text(document, width=1000))
    assert sorted(re.sub(r"[\s-]", "", written)) == sorted(without_blanks.replace("-", ""))


def test_colour_is_only_for_terminals() -> None:
    planned = documents()["planned"]
    assert "\x1b[" not in report.text(planned)
    assert "\x1b[" in report.text(planned, colour=True)


def test_width_is_used() -> None:
    wide = report.text(documents()["planned"], width=160)
    assert len(wide.splitlines()) < len(report.text(documents()["planned"], width=80).splitlines())


def test_csv_columns_sum_to_the_memories() -> None:
    document = documents()["planned"]
    rows = list(csv.DictReader(StringIO(report.csv(document))))
    for memory in document["memories"]:
        here = [row for row in rows if row["memory"] == memory["name"]]
        assert sum(int(row["used"]) for row in here) == memory["used"]
        assert sum(int(row["padding"]) for row in here) == memory["padding"]
        assert sum(int(row["granted"]) for row in here) == memory["used"] + memory["padding"]


def test_markup_in_names_is_escaped() -> None:
    system = dataclasses.replace(small_system(), manifest=Path("a<b>&`|*.toml"))
    document = report.document(system, small_outcome(), PROVED)
    assert "a&lt;b&gt;&amp;`|*.toml" in report.html(document)
    assert "<b>" not in report.html(document)
    assert r"a\<b\>&\`\|\*.toml" in report.markdown(document)


def test_a_legend_whose_colours_repeat_is_left_out() -> None:
    """Beyond eight owners a colour names nobody; the labels of the map still do."""
    document = documents()["planned"]
    few = report.html(document)
    blocks = [block | {"partition": f"p{i}"} for i, block in enumerate(2 * document["blocks"])]
    many = report.html(document | {"blocks": blocks})
    assert "</svg>io</li>" in few
    assert "</svg>p1</li>" not in many


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    page = report.html(documents()["planned"])
    assert "http" not in page
    assert "<script" not in page
    assert "@import" not in page


def test_a_plan_within_budget_has_no_fault() -> None:
    budget = Budget(max_padding=0.10, memories={"ram": 0.2, "flash": 0.2})
    assert report.over_budget(documents()["planned"], budget) == ()


def test_each_exceeded_limit_is_one_fault_with_the_numbers() -> None:
    budget = Budget(max_padding=0.09, memories={"ram": 0.14, "flash": 0.2})
    assert [str(fault) for fault in report.over_budget(documents()["planned"], budget)] == [
        "error[budget-padding]: `ram` has 314 bytes of padding in 3456 granted, 9.09 %; the limit is 9 %\n"
        "  at layout.toml: budget.max-padding\n"
        "hint: most of it, 256 bytes, is in `io.data`; one more slot for it or a higher `--effort` may save some",
        "error[budget-memory]: 4608 of the 32768 bytes of `ram` are taken, 14.06 %; the limit is 14 %\n"
        "  at layout.toml: budget.ram\n"
        "hint: 21 bytes less would be within it",
    ]


def test_a_limit_that_is_met_exactly_is_not_exceeded() -> None:
    assert report.over_budget(documents()["planned"], Budget(memories={"ram": 4608 / 32768})) == ()
