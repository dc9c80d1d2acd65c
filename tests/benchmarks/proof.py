"""What the checker catches and what an obligation costs: ``python -m tests.benchmarks.proof``. Two Markdown tables."""

from __future__ import annotations

import statistics
from collections import Counter

from layoutplan.check.elf.image import parse_image
from layoutplan.check.sabotage import reference, reference_image
from layoutplan.check.selftest import SelftestRow, selftest
from layoutplan.check.timing import timings
from layoutplan.check.verify import image_case
from layoutplan.model.access import UnitName


def caught(rows: list[SelftestRow]) -> None:
    """Rules by units: how many ways of breaking each were tried, and how many were caught."""
    broken = [row for row in rows if row.rule]
    tried = Counter((row.rule, row.unit) for row in broken)
    noticed = Counter((row.rule, row.unit) for row in broken if row.passed)
    print("| rule | " + " | ".join(unit.value for unit in reference.UNITS) + " |")
    print("|---|" + "---|" * len(reference.UNITS))
    for rule in sorted({row.rule for row in broken}):
        cells = (f"{noticed[rule, unit]}/{tried[rule, unit]}" for unit in reference.UNITS)
        print(f"| `{rule}` | " + " | ".join("" if cell == "0/0" else cell for cell in cells) + " |")
    sums = (
        f"{sum(noticed[r, u] for r, u in noticed if u is unit)}/{sum(tried[r, u] for r, u in tried if u is unit)}"
        for unit in reference.UNITS
    )
    print("| all | " + " | ".join(sums) + " |")
    for row in rows:
        if not row.rule and "bit" in row.name:
            print(f"\n{row.unit.value}: each bit of each register word flipped: {row.detail}")


def cost(unit: UnitName) -> str:
    """One row: obligations of the reference image, and each method's milliseconds, median and worst."""
    image = parse_image(reference_image.image(unit).elf(), "reference")
    found = list(timings(image_case(image, reference.system(unit), None, {})))
    columns = [
        [timing.z3 for timing in found],
        [timing.cvc5 for timing in found if timing.cvc5 is not None],
        [timing.enumeration for timing in found],
    ]
    cells = (f"{statistics.median(column):.1f} / {max(column):.1f}" if column else "-" for column in columns)
    return f"| {unit.value} | {len(found)} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print both tables."""
    caught(list(selftest()))
    print("\n| unit | obligations | Z3 ms (median / most) | cvc5 ms | enumeration ms |")
    print("|---|---|---|---|---|")
    for unit in reference.UNITS:
        print(cost(unit))


if __name__ == "__main__":
    main()
