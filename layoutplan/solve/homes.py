"""Which memory each block lives in: the preferred one wherever that fits."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.protection.overlay import Overlaid
from layoutplan.solve.effort import Effort
from layoutplan.solve.exact import Exact
from layoutplan.solve.floor import MOST_SLOTS, floor_of, padding_options
from layoutplan.solve.joint import FIRST, MIDDLE, NARROW, WIDE, Joint, Layout, layout_of
from layoutplan.solve.kept import conflicts
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Item, Problem
from layoutplan.solve.sequence import MOST_BLOCKS
from layoutplan.solve.shared_bounds import generous, merged, parted
from layoutplan.solve.tangle import without

FEW_TURNS, MORE_TURNS, MOST_TURNS = 18, 60, 180
"""Depth-first searches tried after the first, the narrow and the wide beams."""

ROUNDS = 100
"""Times that a few blocks of each memory are taken out and put back."""

Homes = tuple[int, ...]


def choices(problem: Problem) -> Iterator[Homes]:
    """Every assignment of memories, those that follow more of the preferences first.

    An assignment's rank is the sum of its blocks' places in their own lists, then the bytes that are moved.
    """
    lists = [problem.homes(item) for item in problem.items]
    if not all(lists):
        return  # a pin in none of its block's memories
    start = tuple(0 for _ in lists)
    queue = [(0, 0, start)]
    seen = {start}
    while queue:
        _, _, ranks = heapq.heappop(queue)
        yield tuple(homes[rank] for homes, rank in zip(lists, ranks, strict=True))
        for index, homes in enumerate(lists):
            if ranks[index] + 1 < len(homes):
                after = (*ranks[:index], ranks[index] + 1, *ranks[index + 1 :])
                if after not in seen:
                    seen.add(after)
                    moved = sum(problem.items[i].block.size for i, rank in enumerate(after) if rank)
                    heapq.heappush(queue, (sum(after), moved, after))


def may_fit(problem: Problem, placer: Placer, homes: Homes) -> bool:
    """Whether the least sizes of each memory's blocks, with all slots that each could have, fit what is free."""
    need = [0] * len(problem.spaces)
    for item, home in zip(problem.items, homes, strict=True):
        least: int | None = item.block.size
        if item.charged and item.block.pin is None:
            most = min(
                problem.budgets[p] - sum(p in other.charged for other in problem.items) + 1 for p in item.charged
            )
            least = placer.least(Placer.shape(item), min(most, MOST_SLOTS)) if most > 0 else None
        if least is None:
            return False
        need[home] += least
    return all(
        asked <= sum(interval.size for interval in space.free)
        for asked, space in zip(need, problem.spaces, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """A layout, and a proved lower bound on the value of every layout that is preferred no less."""

    layout: Layout
    bound: int


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to: a proposal; or none, and then ``decided`` says that no layout exists at all."""

    proposal: Proposal | None
    decided: bool


def propose(problem: Problem, placer: Placer, effort: Effort, *, any_will_do: bool = False) -> Searched:
    """The best layout found in the most preferred memories that have one; with ``any_will_do`` the first found.

    Where bounds can be shared, the search counts every block by itself, and once more with rows of blocks: neither
    shows that there is no layout.
    """
    if isinstance(problem.unit, Overlaid):
        return _also_without(problem, placer, effort, any_will_do=any_will_do)
    share = effort.share(1, 4)
    searched = _propose(problem, placer, effort, any_will_do=any_will_do)
    raised = generous(problem)
    best = searched.proposal
    if raised.budgets == problem.budgets or (best is not None and any_will_do):
        return searched
    bound = 0
    if best is not None:
        bound = min(best.bound, floor_of(raised, padding_options(raised, placer, best.layout.homes)).bound)
        if best.layout.value <= bound:
            return searched
    if (rows := merged(problem)) is not None:
        found = _propose(rows.problem, Placer(rows.problem.unit), share, any_will_do=any_will_do).proposal
        layout = None if found is None else parted(problem, rows, found.layout)
        if layout is not None and not conflicts(problem, layout):
            if best is None:
                floor = floor_of(raised, padding_options(raised, placer, layout.homes))
                best, bound = Proposal(layout, layout.value), floor.bound
            elif layout.homes == best.layout.homes and layout.rank < best.layout.rank:
                best = Proposal(layout, best.bound)
    if best is None:
        return Searched(None, False)
    return Searched(Proposal(best.layout, min(best.layout.value, bound)), True)


def _also_without(problem: Problem, placer: Placer, effort: Effort, *, any_will_do: bool) -> Searched:
    """With overlays, and where that proves nothing, with a quarter of the effort without: then there are fewer choices.

    Without alone where no block can have a second slot, which an overlay takes.
    """
    if not any(_most_slots(problem, item) > 1 for item in problem.items):
        return _propose(without(problem), Placer(without(problem).unit), effort, any_will_do=any_will_do)
    share = effort.share(1, 4)
    effort.spend(share.total)
    searched = _propose(problem, placer, effort, any_will_do=any_will_do)
    best = searched.proposal
    if best is None or any_will_do or best.layout.value <= best.bound:
        return searched
    plain = without(problem)
    other = _propose(plain, Placer(plain.unit), share, any_will_do=False).proposal
    if other is not None and other.layout.homes == best.layout.homes:
        layout = layout_of(problem, other.layout.homes, other.layout.ranges)
        if layout.rank < best.layout.rank:
            return Searched(Proposal(layout, best.bound), searched.decided)
    return searched


def _most_slots(problem: Problem, item: Item) -> int:
    """Slots that are left for one item when every other has one; none where no slot is ever spent."""
    others = [sum(p in other.charged for other in problem.items) - 1 for p in item.charged]
    return min((problem.budgets[p] - count for p, count in zip(item.charged, others, strict=True)), default=0)


def _propose(problem: Problem, placer: Placer, effort: Effort, *, any_will_do: bool) -> Searched:
    """Without shared bounds."""
    decided = True
    for homes in choices(problem):
        effort.spend(1)
        if not may_fit(problem, placer, homes):
            if effort.exhausted:
                return Searched(None, False)
            continue
        options = padding_options(problem, placer, homes)
        floor = floor_of(problem, options)
        if floor.slots is not None:
            found, complete = _searched(Joint(problem, placer, homes, options, floor), effort, any_will_do=any_will_do)
            if found is not None:
                bound = found.value if complete else min(floor.bound, found.value)
                # While a more preferred choice is open nothing here is proved the best.
                return Searched(Proposal(found, bound if decided else min(bound, found.value - 1)), decided)
            decided = decided and complete
        if effort.exhausted:
            return Searched(None, False)
    return Searched(None, decided)


def _searched(joint: Joint, effort: Effort, *, any_will_do: bool) -> tuple[Layout | None, bool]:
    """A few dives, the exact search, then all there is; and whether the answer is proved."""
    walkable = all(len(joint.loose(home)) <= MOST_BLOCKS for home in joint.free)
    share = effort.share(1, 3 if walkable else 1)
    found = joint.dive(share, None, range(1 if any_will_do else FEW_TURNS))
    effort.spend(share.total - share.left)
    if found is None:
        # The narrow beam always runs to its end, so that there is an answer however little effort is left.
        found = joint.search(effort, FIRST, any_will_do=any_will_do)
    if found is not None and (any_will_do or found.value <= joint.floor.bound):
        return found, found.value <= joint.floor.bound
    if walkable and not any_will_do:
        # The exact search is the shorter the less it may lose.
        found = joint.search(effort, NARROW, best=found)
    share = effort.share(1, 2)
    proof = Exact(joint, share).best(found, any_will_do=any_will_do)
    effort.spend(share.total - share.left)
    if proof.complete or (any_will_do and proof.layout is not None):
        return proof.layout, proof.complete
    found = proof.layout
    for passes, turns in ((MIDDLE, range(FEW_TURNS, MORE_TURNS)), (WIDE, range(MORE_TURNS, MOST_TURNS))):
        if effort.exhausted or (found is not None and found.value <= joint.floor.bound):
            break
        found = joint.dive(effort, found, turns)
        if found is not None:
            found = joint.reinserted(effort, found, ROUNDS)
        found = joint.search(effort, passes, best=found)
    return found, found is not None and found.value <= joint.floor.bound
