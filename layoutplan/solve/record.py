"""Z3 as the solver of record: every constraint by name, the search's proposal accepted or refused, cores.

Positions are bit vectors in granules, counted in each memory from one period below its origin, so that alignment is
kept and no position is zero. Both ends of a block are at or below the top: else the end could wrap. Decisions only.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from layoutplan.address import AddressRange, align_down, next_power_of_two
from layoutplan.model.access import UnitName
from layoutplan.solve.effort import RLIMIT_PER_STEP
from layoutplan.solve.facts import Fact, facts_of
from layoutplan.solve.floor import MOST_SLOTS
from layoutplan.solve.joint import Layout, layout_of
from layoutplan.solve.problem import Item, Problem, usable_slots

if TYPE_CHECKING:
    from types import ModuleType

Term: TypeAlias = Any
"""A Z3 expression; z3 ships no types."""

LEAST_RLIMIT = 2_000_000
"""Z3 gets this much even when the search has spent the effort: accepting a proposal takes far less."""


@dataclass(frozen=True, slots=True)
class Yes:
    """The constraints hold together."""


@dataclass(frozen=True, slots=True)
class No:
    """These constraints do not hold together."""

    core: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Z3 gave up; ``reason`` in its words."""

    reason: str


Answer = Yes | No | Unknown


class Record:
    """All constraints of one problem in one Z3 context of its own, so that nothing asked before changes an answer.

    With a ``proposal`` only layouts with its order, memories and numbers of regions are models: enough to accept or
    refuse it, in time linear in the blocks. Its ``No`` says nothing of other layouts. A ``lean`` record has no more
    regions than the budgets allow: its ``No`` holds, but its core leaves out the budgets.
    """

    def __init__(self, problem: Problem, proposal: Layout | None = None, *, lean: bool = False) -> None:
        import z3  # type: ignore[import-untyped]  # z3 ships no types

        self._z3: ModuleType = z3
        self._context = z3.Context()
        self.problem = problem
        self._proposal = proposal
        self._lean = lean
        self.facts = facts_of(problem)
        self._granule = problem.unit.granule
        self._origins = tuple(self._origin(home) for home in range(len(problem.spaces)))
        tops = [self._position(home, space.range.end) for home, space in enumerate(problem.spaces)]
        # Room for every block above the longest memory, so that giving up its length is enough to fit them all.
        beyond = sum(2 * next_power_of_two(-(-item.block.size // self._granule)) for item in problem.items)
        self._width = (max(tops, default=1) + (beyond if proposal is None else 0)).bit_length() + 1
        self._solver = z3.SolverFor("QF_FD", ctx=self._context)
        self._literals = {fact: z3.Bool(f"{fact.kind} {fact.index}", self._context) for fact in self.facts}
        self._bases = [self._variable(f"base {item.index}") for item in problem.items]
        self._ends = [self._variable(f"end {item.index}") for item in problem.items]
        self._lives = [self._homes(item) for item in problem.items]
        self._spent: list[list[tuple[Term, int]]] = [[] for _ in problem.partitions]
        self._cuts = [self._covered(item) for item in problem.items]
        self._placed()
        self._apart()
        self._budgeted()
        if proposal is not None:
            self._propose(proposal)

    def check(self, facts: Iterable[Fact], effort: int) -> Answer:
        """Whether ``facts`` hold together."""
        z3 = self._z3
        limit = max(LEAST_RLIMIT, min(effort * RLIMIT_PER_STEP, (1 << 32) - 1))
        self._solver.set("rlimit", limit)
        verdict = self._solver.check(*(self._literals[fact] for fact in facts))
        if verdict == z3.sat:
            return Yes()
        if verdict == z3.unsat:
            named = {str(literal) for literal in self._solver.unsat_core()}
            return No(tuple(fact for fact in self.facts if str(self._literals[fact]) in named))
        return Unknown(self._solver.reason_unknown())

    def _variable(self, name: str) -> Term:
        return self._z3.BitVec(name, self._width, self._context)

    def _constant(self, value: int) -> Term:
        return self._z3.BitVecVal(value, self._width, self._context)

    def layout(self) -> Layout:
        """The layout that made the last answer a yes; all facts must have been asked."""
        model = self._solver.model()
        homes: list[int] = []
        ranges: list[AddressRange] = []
        for item in self.problem.items:
            lives = self._lives[item.index]
            home = next(home for home, here in lives.items() if self._z3.is_true(model.eval(here, True)))
            base, end = (
                model.eval(variable, True).as_long() * self._granule + self._origins[home]
                for variable in (self._bases[item.index], self._ends[item.index])
            )
            homes.append(home)
            ranges.append(AddressRange(base, end))
        return layout_of(self.problem, tuple(homes), tuple(ranges))

    def _origin(self, home: int) -> int:
        """One period below the memory's origin, aligned to it: what is aligned there is aligned in the memory."""
        here = [item for item in self.problem.items if home in self.problem.homes(item)]
        largest = max((max(item.block.size, item.block.align) for item in here), default=1)
        period = 8 * next_power_of_two(max(largest, self._granule))
        return align_down(self.problem.spaces[home].range.base, period) - period

    def _position(self, home: int, address: int) -> int:
        return (address - self._origins[home]) // self._granule

    def _homes(self, item: Item) -> dict[int, Term]:
        """By memory, the literal that says that the item lives there; exactly one holds."""
        z3 = self._z3
        homes = self.problem.homes(item)
        if self._proposal is not None:
            homes = tuple(home for home in homes if home == self._proposal.homes[item.index])
        if len(homes) == 1:
            return {homes[0]: z3.BoolVal(True, self._context)}
        lives = {home: z3.Bool(f"home {item.index} {home}", self._context) for home in homes}
        if not lives:
            # A pin outside every memory that the block may use.
            memories = [Fact("memory", self.problem.space(name)) for name in item.block.memories]
            facts = (Fact("block", item.index), Fact("pin", item.index), *memories)
            self._solver.add(z3.Or(*(z3.Not(self._literals[fact]) for fact in facts)))
            return {}
        self._solver.add(z3.Or(*lives.values()))
        self._solver.add(z3.PbLe([(literal, 1) for literal in lives.values()], 1))
        return lives

    def _covered(self, item: Item) -> list[Term]:
        """Size, alignment and a cover of the item; the inner cuts of the cover."""
        z3 = self._z3
        base, end = self._bases[item.index], self._ends[item.index]
        literal = self._literals[Fact("block", item.index)]
        granules = -(-item.block.size // self._granule)
        self._solver.add(z3.ULT(base, end))
        self._require(literal, z3.UGE(end - base, self._constant(granules)))
        if item.block.align > self._granule:
            self._require(literal, base & self._constant(item.block.align // self._granule - 1) == 0)
        if not item.charged:
            self._require(literal, end - base == self._constant(granules))
            return []
        most = self._most_pieces(item)
        cuts = [self._variable(f"cut {item.index} {k}") for k in range(1, most)]
        edges = [base, *cuts, end]
        filled: list[Term] = []
        for low, high in itertools.pairwise(edges):
            self._solver.add(z3.ULE(low, high))
            filled.append(z3.ULT(low, high))
            self._legal(item, literal, low, high)
        for before, after in itertools.pairwise(filled):
            self._solver.add(z3.Implies(after, before))
            self._spend(item, after, 1)
        self._spend(item, literal, 1)
        self._uncut(item, literal, cuts)
        if not item.block.split:
            whole = z3.And(*(z3.Not(piece) for piece in filled[1:])) if len(filled) > 1 else None
            if whole is not None:
                self._require(self._literals[Fact("split", item.index)], whole)
        return cuts

    def _most_pieces(self, item: Item) -> int:
        """More pieces than this no block of that size can use, or, when lean, no partition can pay.

        A cover's units rise by eight (by two for NAPOT) from either end to the largest, which the size bounds.
        """
        unit = self.problem.unit.name
        if self._proposal is not None:
            granted = self._proposal.ranges[item.index]
            return len(self.problem.unit.cover(granted, item.wholes) or (granted,))
        if unit is UnitName.ARMV8M or (unit is UnitName.PMP and "tor" in self.problem.system.target.pmp.modes):
            return 1
        steps = next_power_of_two(-(-item.block.size // self._granule)).bit_length()
        useful = 2 * (-(-steps // 3) if unit is not UnitName.PMP else steps)
        most = min(MOST_SLOTS, useful)
        if self._lean:
            for partition in item.charged:
                others = sum(partition in other.charged for other in self.problem.items) - 1
                most = min(most, self.problem.budgets[partition] - others)
        return max(1, most)

    def _legal(self, item: Item, literal: Term, low: Term, high: Term) -> None:
        """That one region matches exactly ``[low, high)``, unless it is empty."""
        z3, unit = self._z3, self.problem.unit.name
        if unit is UnitName.ARMV8M:
            return
        largest = next_power_of_two(-(-item.block.size // self._granule))
        exponents = range(largest.bit_length())
        one = [self._run(low, high, exponent, 3 if unit is not UnitName.PMP else 0) for exponent in exponents]
        if unit is UnitName.PMP:
            modes = self.problem.system.target.pmp.modes
            one = [run for exponent, run in zip(exponents, one, strict=True) if self._has_size(exponent)]
            if "tor" in modes:
                tor = z3.Not(z3.Or(*one)) if one else z3.BoolVal(True, self._context)
                self._spend(item, tor, 1)
                return
        self._require(literal, z3.Or(low == high, *one))

    def _has_size(self, exponent: int) -> bool:
        """Whether one PMP entry describes ``granule << exponent`` bytes: NA4 four of them, NAPOT eight or more."""
        traits, size = self.problem.system.target.pmp, self._granule << exponent
        if size == 4:
            return "na4" in traits.modes and traits.grain == 4
        return "napot" in traits.modes and size >= traits.grain

    def _run(self, low: Term, high: Term, exponent: int, shift: int) -> Term:
        """``[low, high)`` is whole units of ``1 << exponent`` granules inside one block of ``1 << shift`` units."""
        z3 = self._z3
        inside = z3.LShR(low ^ (high - 1), exponent + shift) == 0
        if exponent == 0:
            return inside
        return z3.And((low | high) & self._constant((1 << exponent) - 1) == 0, inside)

    def _uncut(self, item: Item, literal: Term, cuts: Sequence[Term]) -> None:
        """No cut strictly inside a stack or a shared buffer; on PMP none off a multiple of eight bytes."""
        z3, base, end = self._z3, self._bases[item.index], self._ends[item.index]
        for cut in cuts:
            for low, high in item.wholes if item.block.split else ():
                before = z3.ULE(cut - base, self._constant(low // self._granule))
                after = z3.UGE(cut - base, self._constant(-(-high // self._granule)))
                self._require(literal, z3.Or(before, after, cut == end))
            if self.problem.unit.name is UnitName.PMP and self._granule < 8:
                self._require(literal, z3.Or(cut & self._constant(8 // self._granule - 1) == 0, cut == end))

    def _spend(self, item: Item, condition: Term, slots: int) -> None:
        for partition in item.charged:
            self._spent[partition].append((condition, slots))

    def _require(self, literal: Term, condition: Term) -> None:
        self._solver.add(self._z3.Implies(literal, condition))

    def _placed(self) -> None:
        """Every item inside a memory, above the kernel, off the reserves, on its pin, unless its block is given up."""
        z3, problem = self._z3, self.problem
        for item in problem.items:
            asked = self._literals[Fact("block", item.index)]
            base, end = self._bases[item.index], self._ends[item.index]
            for home, lives in self._lives[item.index].items():
                here = z3.And(asked, lives)
                space = problem.spaces[home]
                bottom = self._constant(self._position(home, space.range.base + self._granule - 1))
                top = self._constant(self._position(home, space.range.end))
                inside = z3.And(z3.UGE(base, bottom), z3.ULE(base, top), z3.ULE(end, top))
                # No memory at all would let positions wrap, so the widest window always holds.
                self._solver.add(z3.ULE(end, self._constant((1 << self._width - 1) - 1)))
                self._require(z3.And(self._literals[Fact("memory", home)], here), inside)
                if space.kernel:
                    self._above_kernel(item, home, here)
                for index, reserve in enumerate(problem.system.reserves):
                    if reserve.memory == space.name:
                        below = z3.ULE(end, self._constant(self._position(home, reserve.range.base)))
                        over = self._position(home, reserve.range.end + self._granule - 1)
                        above = z3.UGE(base, self._constant(over))
                        self._require(z3.And(self._literals[Fact("reserve", index)], here), z3.Or(below, above))
                if item.block.pin is not None:
                    exact = item.block.pin % self._granule == 0
                    at = base == self._constant(self._position(home, item.block.pin))
                    pinned = at if exact else z3.BoolVal(False, self._context)
                    self._require(z3.And(self._literals[Fact("pin", item.index)], here), pinned)

    def _above_kernel(self, item: Item, home: int, here: Term) -> None:
        """The kernel's least bytes are at the memory's origin, or behind what is reserved there."""
        space, start = self.problem.spaces[home], self.problem.spaces[home].range.base
        held = [self._literals[Fact("kernel", home)], here]
        self._at_least(item, held, home, start + space.kernel)
        reserves = [
            (reserve.range, self._literals[Fact("reserve", index)])
            for index, reserve in enumerate(self.problem.system.reserves)
            if reserve.memory == space.name
        ]
        for reserve, literal in sorted(reserves, key=lambda pair: pair[0]):
            if reserve.base <= start < reserve.end:
                held, start = [*held, literal], reserve.end
                self._at_least(item, held, home, start + space.kernel)

    def _at_least(self, item: Item, held: list[Term], home: int, address: int) -> None:
        lowest = self._constant(self._position(home, address + self._granule - 1))
        self._require(self._z3.And(*held), self._z3.UGE(self._bases[item.index], lowest))

    def _apart(self) -> None:
        """No two items of one memory overlap."""
        z3 = self._z3
        if self._proposal is not None:
            ranges = self._proposal.ranges
            order = sorted(self.problem.items, key=lambda item: ranges[item.index])
            for lower, upper in itertools.pairwise(order):
                if self._proposal.homes[lower.index] == self._proposal.homes[upper.index]:
                    self._solver.add(z3.ULE(self._ends[lower.index], self._bases[upper.index]))
            return
        for item in self.problem.items:
            for other in self.problem.items[: item.index]:
                for home in sorted(self._lives[item.index].keys() & self._lives[other.index].keys()):
                    together = z3.And(
                        *(self._lives[each.index][home] for each in (item, other)),
                        *(self._literals[Fact("block", each.index)] for each in (item, other)),
                    )
                    below = z3.ULE(self._ends[item.index], self._bases[other.index])
                    above = z3.ULE(self._ends[other.index], self._bases[item.index])
                    self._solver.add(z3.Implies(together, z3.Or(below, above)))

    def _budgeted(self) -> None:
        """The regions of a partition's blocks and peripherals within the unit's slots and the partition's cap."""
        z3, problem = self._z3, self.problem
        for partition, name in enumerate(problem.partitions):
            terms = list(self._spent[partition])
            if problem.devices[partition]:
                terms.append((self._literals[Fact("devices", partition)], problem.devices[partition]))
            if not terms:
                continue
            limits = [(Fact("slots", 0), usable_slots(problem.system))]
            if (cap := problem.system.partition(name).slots) is not None:
                limits.append((Fact("cap", partition), cap))
            for fact, limit in limits:
                self._require(self._literals[fact], z3.PbLe(terms, limit))

    def _propose(self, layout: Layout) -> None:
        """Fix every variable that ``layout`` decides."""
        for item in self.problem.items:
            home, granted = layout.homes[item.index], layout.ranges[item.index]
            if not item.charged:
                size = -(-granted.size // self._granule) * self._granule
                granted = AddressRange.of(granted.base, size)
            self._solver.add(self._bases[item.index] == self._constant(self._position(home, granted.base)))
            self._solver.add(self._ends[item.index] == self._constant(self._position(home, granted.end)))
            cuts = self._cuts[item.index]
            if cuts:
                cover = self.problem.unit.cover(granted, item.wholes) or ()
                inner = [piece.end for piece in cover]
                for k, cut in enumerate(cuts):
                    at = inner[k] if k < len(inner) else granted.end
                    self._solver.add(cut == self._constant(self._position(home, at)))
