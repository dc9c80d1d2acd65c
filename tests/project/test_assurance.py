"""The assurance page says what the code says, and names only tests that are there."""

from __future__ import annotations

import re

from layoutplan.check.assumptions import ASSUMPTIONS
from tests.toolchain import ROOT

PAGE = (ROOT / "ASSURANCE.md").read_text(encoding="utf-8")


def test_every_assumption_of_use_stands_there_with_its_number_and_owner() -> None:
    rows = re.findall(r"^\| A(\d+) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(str(a.number), a.text, a.discharged_by) for a in ASSUMPTIONS]


def test_every_test_that_it_names_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+(?:\.py)?|test_\w+\.py)`", PAGE))
    assert len(named) > 10
    for name in named:
        found = ROOT / name if name.startswith("tests/") else ROOT / "tests" / "hardware" / name
        assert found.exists(), name


def test_every_rule_that_it_names_is_one_of_the_checkers() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "layoutplan" / "check").rglob("*.py"))
    table = PAGE.split("## Obligations")[1].split("\n\nEach is decided")[0]
    rules = {rule for row in table.splitlines() if row.startswith("|") for rule in re.findall(r"`([\w-]+)`", row)}
    assert len(rules) > 15
    for rule in rules:
        assert f'"{rule}"' in source, rule
