"""One command, one table: ``python -m tests.benchmarks [--sets N] [SECTION …]``.

Every ratio is between figures of the same run. Random sets are named by their seeds; times are processor seconds of
the search alone, so that what else the machine does hardly shows. The order in which the search tries things was
settled on seeds 0 to 99, so the table has others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from layoutplan.address import AddressRange, next_power_of_two
from layoutplan.model.access import UnitName
from layoutplan.model.memory import Memory, PmpTraits
from layoutplan.protection.armv7m import ARMV7M
from layoutplan.protection.overlay import Overlaid
from layoutplan.solve.problem import Problem
from layoutplan.solve.tangle import without
from tests.benchmarks.baselines import BASELINES, Spans
from tests.benchmarks.growth import drawn
from tests.benchmarks.measure import Result, Summary, as_asked, measure
from tests.benchmarks.same import outcomes
from tests.benchmarks.sets import FLASH, RAM, Asked, random_tasks, single_tasks, system, ten_tasks, with_stacks

FIRST_SEED = 1000
SEEDS = (1001, 1002)
"""Of what is measured on two instances."""

LARGE = (20, 40, 100, 200, 400)
LARGE_EFFORT = 2_000_000
PROOF_EFFORT = {12: 500_000, 16: 1_000_000, 20: 3_000_000, 40: 2_000_000}
AGAINST_EFFORT = 2_000_000
SEVERAL = 3
"""Slots of a block that may be cut, against CP-SAT."""

PMP_SETS = 60
EXTRA_SETS = 60
GRAIN = 32

Row = tuple[str, ...]
HEAD = (
    "what",
    "flash %",
    "RAM %",
    "gap to floor % (mean / p95 / max)",
    "proved",
    "seconds (mean / max)",
    "their waste / ours",
)


def percent(value: float, digits: int = 2) -> str:
    """A fraction as a number of per cent."""
    return f"{100 * value:.{digits}f}"


def wasted(summary: Summary, memory: str) -> str:
    """Mean and 95th percentile of the waste of one memory."""

    def waste(result: Result) -> float:
        return result.waste.get(memory, 0)

    return f"{percent(summary.mean(waste))} / p95 {percent(summary.percentile(waste, 0.95))}"


def summarised(what: str, summary: Summary, greedy: float | None = None) -> Row:
    """One row of many sets."""
    if not summary.results:
        return what, "-", "-", "-", "-", "-", f"no layout for {summary.refused} of {summary.sets}"
    wastes = [wasted(summary, name) for name in ("flash", "ram")]
    gaps = [
        summary.mean(lambda r: r.floor_gap),
        summary.percentile(lambda r: r.floor_gap, 0.95),
        max(r.floor_gap for r in summary.results),
    ]
    refused = f", {summary.refused} without a layout" if summary.refused else ""
    ours = summary.mean(lambda r: r.lost)
    return (
        f"{what} ({summary.sets} sets{refused})",
        *wastes,
        " / ".join(percent(gap, 3) for gap in gaps),
        f"{percent(summary.proved, 0)} %",
        f"{summary.mean(lambda r: r.seconds):.2f} / {max(r.seconds for r in summary.results):.2f}",
        f"{greedy / ours:.1f}" if greedy is not None and ours else "-",
    )


def single(what: str, result: Result | None, greedy: int | None = None) -> Row:
    """One row of one set."""
    if result is None:
        return what, "-", "-", "-", "no layout", "-", "-"
    return (
        what,
        percent(result.waste.get("flash", 0)),
        percent(result.waste.get("ram", 0)),
        percent(result.floor_gap, 3),
        "yes" if result.proved else f"gap {percent(result.gap, 3)} %",
        f"{result.seconds:.2f}",
        f"{greedy / result.lost:.1f}" if greedy is not None and result.lost else "-",
    )


def lost(spans: Spans, tasks: list[Asked]) -> int:
    """Bytes that a baseline wastes in both memories."""
    return (spans.flash or 0) + (spans.ram or 0) - sum(task.flash + task.ram for task in tasks)


def baseline_rows(name: str, sets: list[tuple[list[Asked], tuple[int, int]]]) -> Row:
    """A baseline over the same sets."""
    flash: list[float] = []
    ram: list[float] = []
    for tasks, kernel in sets:
        spans = BASELINES[name](tasks, kernel)
        for span, asked, into in (
            (spans.flash, sum(task.flash for task in tasks), flash),
            (spans.ram, sum(task.ram for task in tasks), ram),
        ):
            if span:
                into.append((span - asked) / span)
    means = [percent(sum(wastes) / len(wastes)) if wastes else "-" for wastes in (flash, ram)]
    return (f"  {name}", *means, "", "", "", "")


def ten(_: argparse.Namespace) -> Iterator[Row]:
    """The ten tasks, under both weightings, and what the others make of them."""
    tasks, kernel, slots = ten_tasks()
    ends = (kernel.code, kernel.bss)
    greedy = lost(BASELINES["greedy multi-region"](tasks, ends), tasks)
    for what, weights in (("per cent of each memory", None), ("equal bytes", {"flash": 1.0, "ram": 1.0})):
        asked = system(tasks, slots=slots, kernel=kernel, weights=weights)
        yield single(f"ten tasks, {what}", measure(asked), greedy)
    for name in BASELINES:
        yield baseline_rows(name, [(tasks, ends)])


def sets_of(options: argparse.Namespace, most: int) -> list[list[Asked]]:
    """The random sets that the command names, at most so many."""
    return [random_tasks(seed) for seed in range(options.first, options.first + min(most, options.sets))]


def spread(options: argparse.Namespace) -> str:
    """The seeds of the random sets."""
    return f"seeds {options.first} to {options.first + options.sets - 1}"


def greedily(sets: list[list[Asked]]) -> float:
    """The mean bytes that the greedy multi-region planner wastes on a set."""
    return sum(lost(BASELINES["greedy multi-region"](tasks, (0, 0)), tasks) for tasks in sets) / len(sets)


def random_sets(options: argparse.Namespace) -> Iterator[Row]:
    """The random sets with joint slots, each memory's bytes weighed by its length."""
    sets = sets_of(options, options.sets)
    yield summarised(f"random, {spread(options)}", Summary.of(system(tasks) for tasks in sets), greedily(sets))
    for name in BASELINES:
        yield baseline_rows(name, [(tasks, (0, 0)) for tasks in sets])


def equal_bytes(options: argparse.Namespace) -> Iterator[Row]:
    """The same sets, every byte of the same weight."""
    sets = sets_of(options, options.sets)
    summary = Summary.of(system(tasks, weights={"flash": 1.0, "ram": 1.0}) for tasks in sets)
    yield summarised(f"random, equal bytes, {spread(options)}", summary, greedily(sets))


def stacks(options: argparse.Namespace) -> Iterator[Row]:
    """The same sets, with a stack in each block of RAM. The baselines would cut it."""
    summary = Summary.of(system(with_stacks(tasks)) for tasks in sets_of(options, options.sets))
    yield summarised(f"a quarter of the RAM an uncut stack, {spread(options)}", summary)


def extra_covers(options: argparse.Namespace) -> Iterator[Row]:
    """The random sets with fewer and with more kinds of cover than the product uses."""

    def apart(problem: Problem) -> Problem:
        """Every peripheral in a slot of its own."""
        counts = [sum(grant.partition == name for grant in problem.peripherals) for name in problem.partitions]
        budgets = [
            budget + together - count
            for budget, together, count in zip(problem.budgets, problem.devices, counts, strict=True)
        ]
        return replace(problem, budgets=tuple(budgets), devices=tuple(counts))

    def overlaid(problem: Problem) -> Problem:
        """With deny entries that the emulator enforces too: what the product leaves out on Armv7-M."""
        memories = tuple(memory.range for memory in problem.system.target.memories)
        return replace(problem, unit=Overlaid(ARMV7M, memories))

    sets = sets_of(options, EXTRA_SETS)
    before = Summary.of((system(tasks) for tasks in sets), change=apart)
    yield summarised("peripherals each in a slot", before)
    base = before.mean(lambda r: r.lost)
    for what, change in (
        ("peripherals together: the product", as_asked),
        ("each in a slot, and deny overlays", lambda problem: overlaid(apart(problem))),
        ("together, and deny overlays", overlaid),
    ):
        summary = Summary.of((system(tasks) for tasks in sets), change=change)
        times = f"{base / summary.mean(lambda r: r.lost):.2f} times less"
        denying = any(r.denying for r in summary.results)
        yield (*summarised(what, summary)[:-1], f"{times}; {below(summary)}" if denying else times)


def below(summary: Summary) -> str:
    """How far below the floor of covers without overlays the layouts are."""
    deeper, sets = summary.mean(lambda r: r.below), summary.mean(lambda r: r.below > 0)
    overlaid, knots = summary.mean(lambda r: r.denying), sum(r.tangled for r in summary.results)
    return (
        f"{percent(deeper, 1)} % below the floor without overlays ({percent(sets, 0)} % of sets are), "
        f"{overlaid:.1f} blocks overlaid, {knots} sets tangled"
    )


def one_slot(_: argparse.Namespace) -> Iterator[Row]:
    """One slot per block."""
    for count, effort in PROOF_EFFORT.items():
        for seed in SEEDS:
            result = measure(system(single_tasks(seed, count), cap=1), effort)
            yield single(f"one slot, {count} blocks, seed {seed}, effort {effort}", result)


def growth(options: argparse.Namespace) -> Iterator[Row]:
    """20 to 400 blocks of each memory; ``--plot`` draws the seconds."""
    seconds: dict[int, list[float]] = {}
    for count in LARGE:
        for seed in SEEDS:
            tasks = random_tasks(seed, count)
            needed = sum(task.flash for task in tasks)
            asked = system(tasks, memories=large_memories(needed, sum(task.ram for task in tasks)))
            result = measure(asked, LARGE_EFFORT)
            if result is not None:
                seconds.setdefault(count, []).append(result.seconds)
            yield single(f"{count} blocks in each memory, seed {seed}, effort {LARGE_EFFORT}", result)
    if options.plot is not None:
        options.plot.write_text(drawn(seconds), encoding="utf-8")


def large_memories(flash: int, ram: int) -> tuple[Memory, ...]:
    """Memories twice as long as what is asked of them."""
    return tuple(
        replace(memory, range=AddressRange.of(memory.range.base, next_power_of_two(2 * size)))
        for memory, size in ((FLASH, flash), (RAM, ram))
    )


def pmp(options: argparse.Namespace) -> Iterator[Row]:
    """PMP with eight and sixteen entries."""
    sets = sets_of(options, PMP_SETS)
    modes = {
        "NAPOT + TOR": frozenset({"napot", "tor"}),
        "NAPOT only": frozenset({"napot"}),
        "always TOR": frozenset({"tor"}),
    }
    for name, allowed in modes.items():
        for slots in (8, 16):
            traits = PmpTraits(grain=GRAIN, modes=allowed)
            for what, weights in (("per cent", None), ("equal bytes", {"flash": 1.0, "ram": 1.0})):
                asked = [system(tasks, slots=slots, unit=UnitName.PMP, pmp=traits, weights=weights) for tasks in sets]
                summary = Summary.of(asked)
                row = summarised(f"PMP {slots} entries, {name}, grain {GRAIN}, {what}", summary)
                mean, fewest = summary.mean(lambda r: r.slots), summary.mean(lambda r: r.floor_slots)
                entries = f"{mean:.2f} entries a partition, {fewest:.2f} at the floor"
                yield (*row[:-1], entries) if summary.results else row
                if allowed == {"napot"}:
                    plain = Summary.of(asked, change=without)
                    row = summarised(f"  the same without deny entries, {what}", plain)
                    yield (*row[:-1], f"{plain.mean(lambda r: r.lost) / summary.mean(lambda r: r.lost):.1f} times more")


def cp_sat(options: argparse.Namespace) -> Iterator[Row]:
    """The same blocks given to CP-SAT, which the extra ``bench`` installs, with ``--seconds`` for each instance.

    That is time on the wall, as its own limit is; the column has what its workers had of the processor.
    """
    from tests.benchmarks.cp_sat import packed

    for slots, counts in ((1, (12, 24, 40)), (SEVERAL, (24, 40))):
        for count in counts:
            for seed in SEEDS:
                tasks = single_tasks(seed, count)
                sizes = [task.flash for task in tasks]
                # CP-SAT's model knows no overlays, so both do without.
                result = measure(system(tasks, cap=slots), PROOF_EFFORT.get(count, AGAINST_EFFORT), without)
                what = "one slot" if slots == 1 else f"{slots} slots"
                yield single(f"{what}, {count} blocks, seed {seed}", result)
                start = time.process_time()
                span, bound = packed(sizes, slots, options.seconds)
                used = time.process_time() - start
                ours = result.spans["flash"] if result else 0
                yield (
                    f"  CP-SAT, {options.seconds:.0f} s",
                    percent((span - sum(sizes)) / span) if span else "no layout",
                    "",
                    "",
                    "yes" if span and bound == span else "no",
                    f"{used:.0f}",
                    f"{(span - sum(sizes)) / (ours - sum(sizes)):.2f}" if span else "-",
                )


def same(_: argparse.Namespace) -> Iterator[Row]:
    """Whether the plan of 40 blocks in each memory is the same bytes whatever happens around its making."""
    for seed in SEEDS:
        digests = outcomes(seed)
        equal = len(set(digests.values())) == 1
        row = f"{LARGE[1]} blocks, seed {seed}: {', '.join(digests)}"
        yield (row, "", "", "", "", "", "the same bytes" if equal else f"DIFFERENT: {digests}")


SECTIONS: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "ten": ten,
    "single": one_slot,
    "random": random_sets,
    "equal": equal_bytes,
    "stacks": stacks,
    "extra": extra_covers,
    "growth": growth,
    "pmp": pmp,
    "same": same,
    "cp-sat": cp_sat,
}


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--sets", type=int, default=300, help="random sets")
    parser.add_argument("--first", type=int, default=FIRST_SEED, metavar="SEED", help="seed of the first random set")
    parser.add_argument("--plot", type=Path, metavar="SVG", help="where to draw how the time grows")
    parser.add_argument("--seconds", type=float, default=30, help="time for CP-SAT on each instance")
    options = parser.parse_args()
    chosen = options.sections or [name for name in SECTIONS if name != "cp-sat"]
    print("| " + " | ".join(HEAD) + " |")
    print("|" + "---|" * len(HEAD))
    for name in chosen:
        for row in SECTIONS[name](options):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
