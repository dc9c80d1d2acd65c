"""What a user would otherwise have, each written from its published description. Bytes; spans from the kernel's end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from layoutplan.address import align_up, next_power_of_two
from tests.benchmarks.sets import Asked

LEAST = 32
"""The smallest region of the unit that all of them were made for."""

LOADER_LEAST = 512
SLOTS = 7
MEMORIES = 2


@dataclass(frozen=True, slots=True)
class Spans:
    """Bytes from the end of the kernel to the end of the last block, by memory; ``None``: the tool has no answer."""

    flash: int | None
    ram: int | None


def power_of_two(tasks: Sequence[Asked], kernel: tuple[int, int]) -> Spans:
    """Every block takes the next power of two, aligned to it, the largest first."""
    return Spans(
        _by_size([next_power_of_two(max(task.flash, LEAST)) for task in tasks], kernel[0]),
        _by_size([next_power_of_two(max(task.ram, LEAST)) for task in tasks], kernel[1]),
    )


def loader(tasks: Sequence[Asked], kernel: tuple[int, int]) -> Spans:
    """A process loader: flash images padded to a power of two; RAM in two regions of half the block, in sixteenths."""
    return Spans(_by_size([next_power_of_two(max(task.flash, LOADER_LEAST)) for task in tasks], kernel[0]), None)


def rounded(tasks: Sequence[Asked], kernel: tuple[int, int]) -> Spans:
    """The floor of a unit with 32-byte limits: sizes rounded up to 32, the kernel's end too."""
    return Spans(
        *(
            align_up(first, LEAST) - first + sum(align_up(size, LEAST) for size in sizes)
            for first, sizes in zip(kernel, ([t.flash for t in tasks], [t.ram for t in tasks]), strict=True)
        )
    )


def _by_size(sizes: list[int], start: int) -> int:
    """The largest first, each at the first address that is aligned to it and free."""
    holes = [(start, 1 << 40)]
    end = start
    for size in sorted(sizes, reverse=True):
        index = next(k for k, (low, high) in enumerate(holes) if align_up(low, size) + size <= high)
        low, high = holes[index]
        base = align_up(low, size)
        holes[index : index + 1] = [hole for hole in ((low, base), (base + size, high)) if hole[0] < hole[1]]
        end = max(end, base + size)
    return end - start


def greedy(tasks: Sequence[Asked], kernel: tuple[int, int]) -> Spans:
    """The best-known MPU build tool: pieces by halving, a bump pointer, no filling back."""
    flash, ram = [], []
    for task in tasks:
        spare = SLOTS - MEMORIES - task.peripherals
        flash.append(_pieces(task.flash, 1 + -(-spare // 2)))
        ram.append(_pieces(task.ram, 1 + spare // 2))
    return Spans(_bumped(flash, kernel[0]), _bumped(ram, kernel[1]))


def _pieces(size: int, most: int) -> list[int]:
    """At most ``most`` powers of two, falling, that hold ``size``; small ones as far as the number allows."""
    pieces: list[int] = []
    rest = size
    while rest > 0 and len(pieces) < most:
        piece = max(_above(rest) // 2, LEAST)
        pieces.append(piece)
        rest -= piece
    if rest > 0:
        pieces[-1] *= 2
    while len(pieces) > 1 and pieces[-1] == pieces[-2]:
        pieces[-2:] = [pieces[-1] * 2]
    while pieces[0] > LEAST:
        count = sum(piece == pieces[0] for piece in pieces)
        if len(pieces) + count > most:
            break
        pieces = [pieces[0] // 2] * (2 * count) + pieces[count:]
    return pieces


def _above(size: int) -> int:
    """The power of two strictly above ``size``: half of it is the largest that is no more than ``size``."""
    return 1 << size.bit_length()


@dataclass(frozen=True, slots=True)
class _Candidate:
    index: int
    gap: int
    align: int
    total: int

    @property
    def judged(self) -> int:
        return max(0, self.gap - self.align // 8)

    def beats(self, other: _Candidate | None) -> bool:
        """By any of the tool's five rules; they are not an order, so the order of the input matters."""
        return (
            other is None
            or self.judged < other.judged
            or (self.judged == other.judged and self.align > other.align)
            or self.gap < other.gap
            or (self.gap == other.gap and self.align > other.align)
            or (self.gap == other.gap and self.align == other.align and self.total < other.total)
        )


def _bumped(tasks: list[list[int]], start: int) -> int:
    left = list(tasks)
    pointer = start
    while left:
        best: _Candidate | None = None
        for index, pieces in enumerate(left):
            total, largest, smallest = sum(pieces), max(pieces), min(pieces)
            upward = align_up(pointer + total, largest) - pointer - total
            for candidate in (
                _Candidate(index, upward, largest, total),
                _Candidate(index, align_up(pointer, largest) - pointer, smallest, total),
            ):
                if candidate.beats(best):
                    best = candidate
        assert best is not None
        pointer += best.gap + best.total
        left[best.index] = left[-1]
        left.pop()
    return pointer - start


def digits(tasks: Sequence[Asked], kernel: tuple[int, int]) -> Spans:
    """One region per set bit of each size, folded or halved to the number of slots."""
    flash, ram = [], []
    for task in tasks:
        one, other = _bits(task.flash), _bits(task.ram)
        budget = SLOTS - task.peripherals
        while len(one) + len(other) > budget and max(len(one), len(other)) > 1:
            folded = max((p for p in (one, other) if len(p) > 1), key=lambda pieces: sum(pieces) / pieces[-1])
            _fold(folded)
        while len(one) + len(other) < budget:
            halved = min((one, other), key=lambda pieces: sum(pieces) / pieces[0])
            if halved[0] <= LEAST:
                break
            halved[:1] = [halved[0] // 2] * 2
            halved.sort(reverse=True)
        flash.append(one)
        ram.append(other)
    return Spans(_densest(flash, kernel[0]), _densest(ram, kernel[1]))


def _bits(size: int) -> list[int]:
    granules = -(-size // LEAST)
    return [LEAST << bit for bit in reversed(range(granules.bit_length())) if granules >> bit & 1]


def _fold(pieces: list[int]) -> None:
    """Round the smallest piece up into its neighbour."""
    pieces[-1] *= 2
    while len(pieces) > 1 and pieces[-1] >= pieces[-2]:
        pieces[-2:] = [pieces[-2] * 2]


def _densest(blocks: list[list[int]], start: int) -> int:
    """The block with the most bytes for the gap before it goes next."""
    left, pointer = list(blocks), start

    def density(pieces: list[int]) -> tuple[float, int]:
        gap = align_up(pointer, max(pieces)) - pointer
        return sum(pieces) / (gap + 1), sum(pieces)

    while left:
        best = max(left, key=density)
        left.remove(best)
        pointer = align_up(pointer, max(best)) + sum(best)
    return pointer - start


BASELINES: dict[str, Callable[[Sequence[Asked], tuple[int, int]], Spans]] = {
    "one power of two": power_of_two,
    "greedy multi-region": greedy,
    "loader style": loader,
    "binary digits": digits,
    "v8-M 32 B floor": rounded,
}
