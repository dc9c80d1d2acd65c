"""The highest place of one block below an address, remembered."""

from __future__ import annotations

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, align_up, next_power_of_two
from layoutplan.protection.overlay import Overlaid
from layoutplan.protection.unit import ProtectionUnit, Wholes
from layoutplan.solve.problem import Item

Shape = tuple[int, int, Wholes]
"""Size, alignment and the parts that no boundary may cut: all that a place depends on, besides the slots."""

Pair = tuple[int, int]

STEPS_A_PLACE = 20
"""What asking the unit for a place costs, in steps of the search."""

STEPS_OVERLAID = 50
"""The same where the unit tries overlays too."""

ANY = 64
"""More slots than any unit has."""

FREE_CHOICE = 4
"""With more slots than this a block loses next to nothing wherever it starts."""

SAMPLES = 12
"""Starting points at which the mean loss of a block is estimated."""


class Placer:
    """Answers ``unit.place`` for the shapes of one problem.

    Below an address ``top`` the answer is as far away as below ``top`` modulo a period: no best cover needs a region
    of more than eight times the size rounded up to a power of two, and such regions repeat with that period. Overlays
    do so only where no memory ends within a period; else answers are remembered by address.
    """

    def __init__(self, unit: ProtectionUnit) -> None:
        self.unit = unit
        self.steps = 0
        self._drops: dict[tuple[Shape, int], tuple[int, dict[int, Pair | None]]] = {}
        self._least: dict[tuple[int, int], int | None] = {}
        self._hard: dict[tuple[Shape, int], int] = {}

    @staticmethod
    def shape(item: Item) -> Shape:
        """What the places of ``item`` depend on."""
        return item.block.size, item.block.align, item.wholes

    def table(self, shape: Shape, slots: int) -> tuple[int, dict[int, Pair | None]]:
        """The period less one, and what is known: distance of base and end below a top, by the top's remainder."""
        key = (shape, slots)
        if key not in self._drops:
            period = 8 * next_power_of_two(max(shape[0], shape[1], self.unit.granule))
            if isinstance(self.unit, Overlaid) and not self.unit.repeats(period):
                period = 2 * ADDRESS_SPACE_END
            self._drops[key] = (period - 1, {})
        return self._drops[key]

    def drop(self, shape: Shape, slots: int, top: int) -> Pair | None:
        """How far below ``top`` base and end of the highest place lie; ``None`` when no cover has so few slots."""
        mask, known = self.table(shape, slots)
        rest = top & mask
        if rest not in known:
            fewer = self.table(shape, slots - 1)[1].get(rest) if slots > 1 else None
            if fewer is not None and self._ideal(shape, rest, fewer):
                known[rest] = fewer
                return fewer
            self.steps += STEPS_OVERLAID if isinstance(self.unit, Overlaid) else STEPS_A_PLACE
            size, align, wholes = shape
            shifted = rest + mask + 1 if mask < ADDRESS_SPACE_END else rest
            place = self.unit.place(shifted, size, align, slots, wholes)
            known[rest] = None if place is None else (shifted - place.base, shifted - place.end)
        return known[rest]

    def _ideal(self, shape: Shape, top: int, drop: Pair) -> bool:
        """Whether no number of slots could place the block higher below ``top``, or grant it less."""
        size, align, _ = shape
        grid = max(align, self.unit.granule)
        highest = top - size & -grid
        return top - drop[0] == highest and drop[0] - drop[1] == align_up(size, self.unit.granule)

    def below(self, shape: Shape, slots: int, top: int, free: tuple[AddressRange, ...]) -> Pair | None:
        """The highest ``(base, end)`` at or below ``top`` inside one of the intervals ``free`` (ascending)."""
        for interval in reversed(free):
            ceiling = min(top, interval.end)
            if ceiling - interval.base >= shape[0]:
                drop = self.drop(shape, slots, ceiling)
                if drop is not None and ceiling - drop[0] >= interval.base:
                    return ceiling - drop[0], ceiling - drop[1]
        return None

    def least(self, shape: Shape, slots: int) -> int | None:
        """A lower bound, exact without wholes, of the bytes granted in ``slots`` slots; ``None``: never possible."""
        size = shape[0]
        if shape[2] == ((0, size),):
            slots = min(slots, self._one_region)
        key = (size, slots)
        if key not in self._least:
            self._least[key] = self.unit.least_granted(size, slots)
        return self._least[key]

    @property
    def _one_region(self) -> int:
        """The most slots that one uncut piece can take: two where a region may be TOR, any number with overlays."""
        if isinstance(self.unit, Overlaid):
            return ANY
        odd = self.unit.cover(AddressRange(self.unit.granule, 4 * self.unit.granule))
        return self.unit.cost(odd) if odd is not None and len(odd) == 1 else 1

    def hard(self, shape: Shape, slots: int) -> int:
        """The mean bytes lost, over starting points, above :meth:`least`. Guides the search, proves nothing."""
        if slots > FREE_CHOICE:
            return 0
        key = (shape, slots)
        if key not in self._hard:
            mask, _ = self.table(shape, slots)
            granule = max(self.unit.granule, 1)
            places = [
                self.drop(shape, slots, (step * (mask + 1) * 13 // (21 * granule) * granule) & mask)
                for step in range(1, SAMPLES + 1)
            ]
            losses = [place[0] for place in places if place is not None]
            least = self.least(shape, slots)
            self._hard[key] = sum(losses) // len(losses) - least if losses and least is not None else 0
        return self._hard[key]
