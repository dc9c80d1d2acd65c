"""Covers as Z3 sees them: for each item, which regions may grant exactly its range, and the slots that they take.

From below: runs that deny, the item in one run or more, runs that deny. Without overlays nothing is denied. A run is
one region; its legality is written from each unit's rule and not taken from the planner's covers.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from layoutplan.address import next_power_of_two
from layoutplan.model.access import UnitName
from layoutplan.protection.overlay import PAGE, Overlaid, denied_by
from layoutplan.solve.facts import Fact
from layoutplan.solve.floor import MOST_SLOTS
from layoutplan.solve.joint import Layout
from layoutplan.solve.problem import Item, Problem

Term: TypeAlias = Any
"""A Z3 expression; z3 ships no types."""


@dataclass(slots=True, kw_only=True)
class Covers:
    """Adds the covers of items to a solver, and remembers their variables by item.

    ``hulls`` are the bounds of what an item's regions match, where that may be more than the item; ``chains`` the
    bounds between the runs that deny, below and above; ``spent`` by partition the slots under their conditions;
    ``tors`` whether an item's entries are TOR.
    """

    z3: Any
    context: Term
    solver: Term
    width: int
    problem: Problem
    literals: Mapping[Fact, Term]
    bases: Sequence[Term]
    ends: Sequence[Term]
    proposal: Layout | None
    lean: bool
    hulls: dict[int, tuple[Term, Term]] = field(default_factory=dict)
    chains: dict[int, tuple[list[Term], list[Term]]] = field(default_factory=dict)
    spent: dict[int, list[tuple[Term, int]]] = field(default_factory=dict)
    tors: dict[int, Term] = field(default_factory=dict)

    def add(self, item: Item) -> list[Term]:
        """Size, alignment and a cover of the item; the inner cuts of the cover."""
        z3 = self.z3
        base, end = self.bases[item.index], self.ends[item.index]
        literal = self.literals[Fact("block", item.index)]
        granules = -(-item.block.size // self.problem.unit.granule)
        self.solver.add(z3.ULT(base, end))
        self._require(literal, z3.UGE(end - base, self._constant(granules)))
        if item.block.align > self.problem.unit.granule:
            self._require(literal, base & self._constant(item.block.align // self.problem.unit.granule - 1) == 0)
        if not item.charged:
            self._require(literal, end - base == self._constant(granules))
            return []
        low, high = self._overlaid(item, literal)
        most = self._most_pieces(item)
        cuts = [self._variable(f"cut {item.index} {k}") for k in range(1, most)]
        filled = self._runs(item, literal, [low, *cuts, high])
        for after in filled[1:]:
            self._spend(item, after, 1)
        self._spend(item, literal, 1)
        self._uncut(item, literal, cuts, high)
        if not item.block.split:
            whole = z3.And(*(z3.Not(piece) for piece in filled[1:])) if len(filled) > 1 else None
            if whole is not None:
                self._require(self.literals[Fact("split", item.index)], whole)
        return cuts

    def _runs(self, item: Item, literal: Term, edges: Sequence[Term], *, denied: bool = False) -> list[Term]:
        """Between neighbouring ``edges`` one region or nothing, what is empty last; for each, that it is not."""
        z3 = self.z3
        filled: list[Term] = []
        for low, high in itertools.pairwise(edges):
            self.solver.add(z3.ULE(low, high))
            filled.append(z3.ULT(low, high))
            if denied:
                self._deniable(item, literal, low, high)
            else:
                self._legal(item, literal, low, high)
        for before, after in itertools.pairwise(filled):
            self.solver.add(z3.Implies(after, before))
        return filled

    def _overlaid(self, item: Item, literal: Term) -> tuple[Term, Term]:
        """Where the item's regions begin and end: what lies beyond the item is runs that deny, a slot each."""
        z3, base, end = self.z3, self.bases[item.index], self.ends[item.index]
        below, above = self._most_denied(item)
        if below + above == 0:
            return base, end
        low = self._variable(f"low {item.index}") if below else base
        high = self._variable(f"high {item.index}") if above else end
        self.hulls[item.index] = low, high
        lower = [self._variable(f"below {item.index} {k}") for k in range(1, below)]
        upper = [self._variable(f"above {item.index} {k}") for k in range(1, above)]
        self.chains[item.index] = lower, upper
        for edges in ([low, *lower, base] if below else [], [end, *upper, high] if above else []):
            for denies in self._runs(item, literal, edges, denied=True):
                self._spend(item, denies, 1)
        self.solver.add(z3.ULE(high, self._constant((1 << self.width - 1) - 1)))
        # An overlay stays in the aligned block of four times the size; across its border, within the size of it.
        size, allowed = end - base, [z3.And(low == base, high == end)]
        for power in (power_of(self.problem, self.proposal, item), 2 * power_of(self.problem, self.proposal, item)):
            mask = self._constant(4 * power - 1)
            border = (base | mask) + 1
            reach = self._constant(power)
            inside = z3.And(z3.ULE(end, border), z3.UGE(low, base & ~mask), z3.ULE(high, border))
            of_this_size = z3.And(z3.ULE(size, reach), z3.UGT(size, self._constant(power // 2)))
            if self.problem.unit.name is not UnitName.PMP:
                reach = self._constant(power - 1)
            across = z3.And(z3.UGT(end, border), z3.UGE(low, border - reach), z3.ULE(high, border + reach))
            allowed.append(z3.And(of_this_size, z3.Or(inside, across)))
        self._require(literal, z3.Or(*allowed))
        return low, high

    def _most_denied(self, item: Item) -> tuple[int, int]:
        """The most regions that deny what is below the item, and above it."""
        unit = self.problem.unit
        if not isinstance(unit, Overlaid):
            return 0, 0
        if self.proposal is not None:
            granted = self.proposal.ranges[item.index]
            denied = denied_by(unit, unit.cover(granted, item.wholes) or ())
            return sum(each.end <= granted.base for each in denied), sum(each.base >= granted.end for each in denied)
        most = self._most_pieces(item) - 1
        return most, most

    def _most_pieces(self, item: Item) -> int:
        """More pieces than this no block of that size can use, or, when lean, no partition can pay.

        A cover's units rise by eight (by two for NAPOT) from either end to the largest, which the size bounds.
        """
        unit = self.problem.unit.name
        if self.proposal is not None:
            granted = self.proposal.ranges[item.index]
            return len(self.problem.unit.cover(granted, item.wholes) or (granted,))
        if unit is UnitName.ARMV8M or (unit is UnitName.PMP and "tor" in self.problem.system.target.pmp.modes):
            return 1
        steps = next_power_of_two(-(-item.block.size // self.problem.unit.granule)).bit_length()
        useful = 2 * (-(-steps // 3) if unit is not UnitName.PMP else steps)
        most = min(MOST_SLOTS, useful)
        if self.lean:
            for partition in item.charged:
                others = sum(partition in other.charged for other in self.problem.items) - 1
                most = min(most, self.problem.budgets[partition] - others)
        return max(1, most)

    def _legal(self, item: Item, literal: Term, low: Term, high: Term) -> None:
        """That one region matches exactly ``[low, high)``, unless it is empty."""
        z3, unit = self.z3, self.problem.unit.name
        if unit is UnitName.ARMV8M:
            return
        # With overlays one NAPOT entry may be as large as the block that they stay in.
        more = 3 if isinstance(self.problem.unit, Overlaid) and unit is UnitName.PMP else 0
        exponents = range(power_of(self.problem, self.proposal, item).bit_length() + more)
        one = [self._run(low, high, exponent, 3 if unit is not UnitName.PMP else 0) for exponent in exponents]
        if unit is UnitName.PMP:
            modes = self.problem.system.target.pmp.modes
            one = [run for exponent, run in zip(exponents, one, strict=True) if self._has_size(exponent)]
            if "tor" in modes:
                tor = z3.Not(z3.Or(*one)) if one else z3.BoolVal(True, self.context)
                self.tors[item.index] = tor
                self._spend(item, tor, 1)
                return
        self._require(literal, z3.Or(low == high, *one))

    def _deniable(self, item: Item, literal: Term, low: Term, high: Term) -> None:
        """That one region may deny exactly ``[low, high)``, unless it is empty: all of itself, or units of a page."""
        z3, unit, granule = self.z3, self.problem.unit.name, self.problem.unit.granule
        exponents = range(power_of(self.problem, self.proposal, item).bit_length() + 3)
        if unit is UnitName.PMP:
            one = [self._run(low, high, exponent, 0) for exponent in exponents if self._has_size(exponent)]
        else:
            smallest = 256 if unit is UnitName.ARMV6M else 32
            whole = [exponent for exponent in exponents if granule << exponent >= smallest]
            one = [self._run(low, high, exponent, 0) for exponent in whole]
            one += [self._run(low, high, exponent, 3) for exponent in whole[:-3] if granule << exponent >= PAGE]
        self._require(literal, z3.Or(low == high, *one))

    def _has_size(self, exponent: int) -> bool:
        """Whether one PMP entry describes ``granule << exponent`` bytes: NA4 four of them, NAPOT eight or more."""
        traits, size = self.problem.system.target.pmp, self.problem.unit.granule << exponent
        if size == 4:
            return "na4" in traits.modes and traits.grain == 4
        return "napot" in traits.modes and size >= traits.grain

    def _run(self, low: Term, high: Term, exponent: int, shift: int) -> Term:
        """``[low, high)`` is whole units of ``1 << exponent`` granules inside one block of ``1 << shift`` units."""
        z3 = self.z3
        inside = z3.LShR(low ^ (high - 1), exponent + shift) == 0
        if exponent == 0:
            return inside
        return z3.And((low | high) & self._constant((1 << exponent) - 1) == 0, inside)

    def _uncut(self, item: Item, literal: Term, cuts: Sequence[Term], top: Term) -> None:
        """No cut strictly inside a stack or a shared buffer; on PMP none off a multiple of eight bytes."""
        z3, base, end = self.z3, self.bases[item.index], self.ends[item.index]
        for cut in cuts:
            if top is not end:
                # A piece that is denied entirely is none.
                self._require(literal, z3.Or(z3.And(z3.UGT(cut, base), z3.ULT(cut, end)), cut == top))
            for low, high in item.wholes if item.block.split else ():
                before = z3.ULE(cut - base, self._constant(low // self.problem.unit.granule))
                after = z3.UGE(cut - base, self._constant(-(-high // self.problem.unit.granule)))
                self._require(literal, z3.Or(before, after, cut == top))
            if self.problem.unit.name is UnitName.PMP and self.problem.unit.granule < 8:
                self._require(literal, z3.Or(cut & self._constant(8 // self.problem.unit.granule - 1) == 0, cut == top))

    def _spend(self, item: Item, condition: Term, slots: int) -> None:
        for partition in item.charged:
            self.spent.setdefault(partition, []).append((condition, slots))

    def _require(self, literal: Term, condition: Term) -> None:
        self.solver.add(self.z3.Implies(literal, condition))

    def _variable(self, name: str) -> Term:
        return self.z3.BitVec(name, self.width, self.context)

    def _constant(self, value: int) -> Term:
        return self.z3.BitVecVal(value, self.width, self.context)


def power_of(problem: Problem, proposal: Layout | None, item: Item) -> int:
    """The item's size, or of a proposal what it is granted, in granules, rounded up to a power of two."""
    size = item.block.size if proposal is None else proposal.ranges[item.index].size
    return next_power_of_two(-(-size // problem.unit.granule))
