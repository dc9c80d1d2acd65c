"""Z3 as the solver of record: every constraint by name, the search's proposal accepted or refused, cores.

Positions are bit vectors in granules, counted in each memory from one period below its origin, so that alignment is
kept and no position is zero. Both ends of a block are at or below the top: else the end could wrap. Decisions only.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layoutplan.address import AddressRange, align_down, next_power_of_two
from layoutplan.protection.overlay import denied_by
from layoutplan.solve.effort import RLIMIT_PER_STEP
from layoutplan.solve.facts import Fact, facts_of
from layoutplan.solve.joint import Layout, layout_of
from layoutplan.solve.problem import Item, Problem, usable_slots
from layoutplan.solve.record_covers import Covers, Term, power_of
from layoutplan.solve.shared_bounds import sharers

if TYPE_CHECKING:
    from types import ModuleType

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
        self._covers = Covers(
            z3=z3,
            context=self._context,
            solver=self._solver,
            width=self._width,
            problem=problem,
            literals=self._literals,
            bases=self._bases,
            ends=self._ends,
            proposal=proposal,
            lean=lean,
        )
        self._cuts = [self._covers.add(item) for item in problem.items]
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
        problem, granule = self.problem, self._granule
        here = [item for item in problem.items if home in problem.homes(item)]
        sizes = [max(granule * power_of(problem, self._proposal, item), item.block.align) for item in here]
        period = 8 * next_power_of_two(max(sizes, default=granule))
        return align_down(problem.spaces[home].range.base, period) - period

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
                low, high = self._covers.hulls.get(item.index, (base, end))
                inside = z3.And(
                    z3.UGE(base, bottom), z3.ULE(base, top), z3.ULE(end, top), z3.UGE(low, bottom), z3.ULE(high, top)
                )
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
            ranges, homes = self._proposal.ranges, self._proposal.homes
            order = sorted(self.problem.items, key=lambda item: ranges[item.index])
            for lower, upper in itertools.pairwise(order):
                if homes[lower.index] == homes[upper.index]:
                    self._solver.add(z3.ULE(self._ends[lower.index], self._bases[upper.index]))
            reaching = [item for item in order if item.index in self._covers.hulls]
            for lower, upper in itertools.combinations(reaching, 2):
                if homes[lower.index] == homes[upper.index] and set(lower.charged) & set(upper.charged):
                    self._solver.add(z3.Not(self._deny_each_other(lower, upper)))
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
                    if set(item.charged) & set(other.charged):
                        below = z3.And(below, z3.Not(self._deny_each_other(item, other)))
                        above = z3.And(above, z3.Not(self._deny_each_other(other, item)))
                    self._solver.add(z3.Implies(together, z3.Or(below, above)))

    def _deny_each_other(self, lower: Item, upper: Item) -> Term:
        """Both reach over each other, so that no order of their slots grants both."""
        if not {lower.index, upper.index} <= self._covers.hulls.keys():
            return self._z3.BoolVal(False, self._context)
        low, high = self._covers.hulls[upper.index][0], self._covers.hulls[lower.index][1]
        return self._z3.And(self._z3.UGT(high, self._bases[upper.index]), self._z3.ULT(low, self._ends[lower.index]))

    def _budgeted(self) -> None:
        """The regions of a partition's blocks and peripherals within the unit's slots and the partition's cap."""
        z3, problem = self._z3, self.problem
        for partition, name in enumerate(problem.partitions):
            terms = list(self._covers.spent.get(partition, []))
            saved = list(self._shared(partition))
            terms += [(self._z3.Not(one), 1) for one in saved]
            if problem.devices[partition]:
                terms.append((self._literals[Fact("devices", partition)], problem.devices[partition]))
            if not terms:
                continue
            limits = [(Fact("slots", 0), usable_slots(problem.system))]
            if (cap := problem.system.partition(name).slots) is not None:
                limits.append((Fact("cap", partition), cap))
            for fact, limit in limits:
                self._require(self._literals[fact], z3.PbLe(terms, limit + len(saved)))

    def _shared(self, partition: int) -> Iterator[Term]:
        """By pair of the partition's blocks, that the upper one's TOR begins where the lower's ends: a slot less."""
        z3, row = self._z3, sharers(self.problem, partition)
        by_upper: dict[int, list[Term]] = {}
        by_lower: dict[int, list[Term]] = {}
        for lower, upper in itertools.permutations(row, 2):
            homes = self._lives[lower.index].keys() & self._lives[upper.index].keys()
            together = [z3.And(*(self._lives[each.index][home] for each in (lower, upper))) for home in sorted(homes)]
            if not together:
                continue
            one = z3.Bool(f"shared {partition} {lower.index} {upper.index}", self._context)
            meet = self._ends[lower.index] == self._bases[upper.index]
            tors = [self._covers.tors[each.index] for each in (lower, upper)]
            self._solver.add(z3.Implies(one, z3.And(meet, z3.Or(*together), *tors)))
            by_lower.setdefault(lower.index, []).append(one)
            by_upper.setdefault(upper.index, []).append(one)
            yield one
        for several in (*by_lower.values(), *by_upper.values()):
            self._solver.add(z3.PbLe([(one, 1) for one in several], 1))

    def _propose(self, layout: Layout) -> None:
        """Fix every variable that ``layout`` decides."""
        for item in self.problem.items:
            home, granted = layout.homes[item.index], layout.ranges[item.index]
            if not item.charged:
                size = -(-granted.size // self._granule) * self._granule
                granted = AddressRange.of(granted.base, size)
            self._solver.add(self._bases[item.index] == self._constant(self._position(home, granted.base)))
            self._solver.add(self._ends[item.index] == self._constant(self._position(home, granted.end)))
            if not item.charged:
                continue
            cover = self.problem.unit.cover(granted, item.wholes) or (granted,)
            for cut, piece in zip(self._cuts[item.index], cover, strict=False):
                self._solver.add(cut == self._constant(self._position(home, piece.end)))
            if item.index not in self._covers.hulls:
                continue
            denied = denied_by(self.problem.unit, cover)
            low, high = self._covers.hulls[item.index]
            lower, upper = self._covers.chains[item.index]
            bounds = [(low, min(each.base for each in (granted, *denied)))]
            bounds += [(high, max(each.end for each in (granted, *denied)))]
            bounds += zip(lower, (each.end for each in denied if each.end < granted.base), strict=True)
            bounds += zip(upper, (each.base for each in denied if each.base > granted.end), strict=True)
            for variable, at in bounds:
                self._solver.add(variable == self._constant(self._position(home, at)))
