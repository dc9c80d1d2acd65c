"""What the checker catches and what it costs: ``python -m tests.benchmarks.proof``. Markdown tables."""

from __future__ import annotations

import statistics
import time
from collections import Counter

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import SHF_ALLOC, SHF_EXECINSTR, parse_image
from layoutplan.check.sabotage import reference, reference_image, reference_objects, writer
from layoutplan.check.sabotage.flips import FlipClass
from layoutplan.check.selftest import SelftestRow, selftest
from layoutplan.check.timing import timings
from layoutplan.check.verify import image_case, verify_elf
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Verdict


def caught(rows: list[SelftestRow]) -> None:
    """How many ways of breaking plans and images were tried, and how many were caught."""
    broken = [row for row in rows if row.rule]
    print("| | " + " | ".join(unit.value for unit in reference.UNITS) + " |")
    print("|---|" + "---|" * len(reference.UNITS))
    tried = Counter(row.unit for row in broken)
    noticed = Counter(row.unit for row in broken if row.passed)
    cells = " | ".join(f"{noticed[unit]}/{tried[unit]}" for unit in reference.UNITS)
    print(f"| caught / tried, {len({row.rule for row in broken})} rules | {cells} |")


def flipped(rows: list[SelftestRow]) -> None:
    """What becomes of each flipped bit, by unit."""
    classes = [outcome.value for outcome in FlipClass]
    print(f"| every bit of every register word flipped | {' | '.join(classes)} |")
    print("|---|" + "---|" * len(classes))
    for row in rows:
        how, _, what = row.name.rpartition(": ")
        if what == "each bit flipped":
            counts = {name: number for number, name in (part.split(" ", 1) for part in row.detail.split(", "))}
            unit = f"{row.unit.value}, {how}" if how else row.unit.value
            print(f"| {unit} | {' | '.join(counts[name] for name in classes)} |")


def by_rule(rows: list[SelftestRow]) -> None:
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


MIB = 1 << 20
_FUNCTION = 256


def large_image(unit: UnitName) -> tuple[bytes, System]:
    """The reference image with 1 MiB of kernel code more, and the system with the flash for it. The image holds.

    Every function of 256 bytes has its symbols; half of the instructions have four bytes; one function in 32 uses the
    interrupt controller, so that its constants are followed.
    """
    flash = AddressRange.of(reference.FLASH.base, 2 * MIB)
    code = AddressRange.of(reference.FLASH.end, MIB)
    arm = unit is not UnitName.PMP
    wide, narrow = (b"\x40\xf2\x00\x00", b"\x70\x47\x70\x47") if arm else (b"\x13\x05\x05\x00", b"\x01\x00\x01\x00")
    plain = (wide + narrow) * (_FUNCTION // 8)
    using = (writer.movw_movt(0xE000_E100) if arm else wide + wide) + plain[8:]
    image = reference_image.image(unit, reference.plan(unit, flash))
    text = (31 * plain + using) * (MIB // _FUNCTION // 32)
    image.pieces.append(writer.Piece(".text.big", code.base, data=text, flags=SHF_ALLOC | SHF_EXECINSTR))
    for at in range(code.base, code.end, _FUNCTION):
        image.symbols[f"function_{at:x}"] = (at | arm, _FUNCTION)
        image.functions.add(f"function_{at:x}")
        image.symbols[f"{'$t' if arm else '$x'}.{at:x}"] = (at, 0)
    return image.elf(), reference.system(unit, flash)


def verified(unit: UnitName, data: bytes, system: System) -> tuple[Verdict, float]:
    """The verdict on an image, and the processor seconds from its bytes to there."""
    started = time.process_time()
    verdict = verify_elf(parse_image(data, "large.elf"), system, None, reference_objects.objects(unit))
    return verdict, time.process_time() - started


def main() -> None:
    """Print the tables, as they stand in the README."""
    rows = list(selftest())
    caught(rows)
    print()
    flipped(rows)
    print("\n| unit | obligations | Z3 ms (median / most) | cvc5 ms | enumeration ms |")
    print("|---|---|---|---|---|")
    for unit in reference.UNITS:
        print(cost(unit))
    print("\n| unit | `verify` of an image of | proved / obligations | processor seconds |")
    print("|---|---|---|---|")
    for unit in reference.UNITS:
        data, system = large_image(unit)
        verdict, seconds = verified(unit, data, system)
        print(f"| {unit.value} | {len(data) >> 10} KiB | {verdict.proved}/{verdict.obligations} | {seconds:.2f} |")
    print("\n<details><summary>Rules × sabotages × units: caught / tried</summary>\n")
    by_rule(rows)
    print("\n</details>")


if __name__ == "__main__":
    main()
