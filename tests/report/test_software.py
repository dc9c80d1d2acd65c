"""What the report says of isolation by compiled-in checks."""

from __future__ import annotations

import pytest

from layoutplan import report
from layoutplan.check import check_plan
from layoutplan.model.access import Isolation
from layoutplan.model.plan import Solved
from tests.solve.test_software import bounded, solved

ALONE = "no protection unit is programmed, the checks alone keep components apart: "
WORD = "the compiler's word is taken for its bounds checks; machine code that it did not make is not bounded"


@pytest.mark.parametrize("words", [(Isolation.SOFTWARE,), (Isolation.MPU, Isolation.SOFTWARE)], ids=len)
def test_bounds_and_what_they_rest_on_are_told(words: tuple[Isolation, ...]) -> None:
    given = bounded(*words)
    plan = solved(given)
    document = report.document(given, Solved(plan=plan), check_plan(given, plan))
    assert document["isolation"] == sorted(words)
    assert document["unit"] == ("armv7m" if Isolation.MPU in words else "none")
    assert document["software"] == {
        name: {"base": one.base, "size": one.size, "mask": one.mask} for name, one in plan.software.items()
    }
    notes = {note["code"]: note["text"] for note in document["notes"]}
    assert notes["software-bounds"] == (WORD if Isolation.MPU in words else ALONE + WORD)
    assert "no-isolation" not in notes
    text = report.text(document)
    a, b = plan.software["a"], plan.software["b"]
    lines = [
        "Linear memories that compiled-in checks keep to",
        f"  - a: 700 B from 0x{a.base >> 16:04x}_{a.base & 0xFFFF:04x}",
        f"  - b: 512 B from 0x{b.base >> 16:04x}_{b.base & 0xFFFF:04x}, addresses masked by 0x0000_01ff",
    ]
    assert "\n".join(lines) in text


def test_nothing_is_told_without_it() -> None:
    given = bounded(Isolation.MPU)
    plan = solved(given)
    document = report.document(given, Solved(plan=plan), check_plan(given, plan))
    assert document["software"] == {}
    assert "compiled-in" not in report.text(document)
