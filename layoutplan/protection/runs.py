"""Covers by aligned runs, the legal regions of three units.

A *run* is one or more neighbouring units of ``u`` bytes inside one block of ``u << shift`` bytes aligned to its size,
``u`` a power of two. ``shift`` is 3 for a v6-M or v7-M region with eight subregions (``MPU_RASR.SRD``) and 0 for a
PMP NAPOT entry. One contiguous range never needs overlaps or holes: trim one of two that overlap, fill the hole.

Ranges are ``(base, end)`` pairs here, for speed: a search asks millions of times.
"""

from __future__ import annotations

import functools

from layoutplan.address import align_down, align_up, next_power_of_two
from layoutplan.protection.unit import Wholes

Pair = tuple[int, int]

MOST_REMEMBERED = 1 << 16
"""Answers kept by each cache: some ten megabytes. A search of 200 blocks in each memory asks for half as many."""


def fewest(base: int, end: int, shift: int, limit: int) -> int:
    """The fewest runs that together are exactly ``[base, end)``; ``limit + 1`` when more than ``limit``.

    The finer end decides: its run has units no larger than the end's alignment and cannot leave the aligned block
    that this alignment spans, and taking all of that block is never worse. Zero is aligned to everything.
    """
    count = 0
    while base < end:
        count += 1
        if count > limit:
            break
        low, high = base & -base, end & -end
        if base and low <= high:
            base = min(end, (base | ((low << shift) - 1)) + 1)
        else:
            end = max(base, (end - 1) & -(high << shift))
    return count


def uncut(base: int, end: int, shift: int, wholes: Wholes, limit: int) -> tuple[Pair, ...] | None:
    """The fewest runs, at most ``limit``, that are exactly ``[base, end)`` with no boundary inside ``wholes``.

    ``wholes`` are offsets from ``base``. ``None`` when no cover in ``limit`` runs leaves them uncut.
    """
    least = fewest(base, end, shift, limit)
    if least > limit:
        return None
    fixed = [(base + low, base + high) for low, high in wholes]
    for count in range(least, limit + 1):
        found = _search(base, end, shift, fixed, count)
        if found is not None:
            return found
    return None


def _search(base: int, end: int, shift: int, wholes: list[Pair], limit: int) -> tuple[Pair, ...] | None:
    """A cover in at most ``limit`` runs with no boundary inside ``wholes``, here addresses.

    As in :func:`fewest` the finer end's run best reaches the end of its aligned block. Where a whole lies across that
    place, the run that holds the whole has larger units, so it begins at an even multiple of this end's unit, before
    the whole: those are the only cuts to try.
    """
    if fewest(base, end, shift, limit) > limit:
        return None
    low, high = base & -base, end & -end
    if base and low <= high:
        reach = (base | ((low << shift) - 1)) + 1
        if reach >= end:
            return ((base, end),)
        whole = _across(reach, wholes)
        for cut in (reach,) if whole is None else range(align_down(whole[0], 2 * low), base, -2 * low):
            if _across(cut, wholes) is None:
                rest = _search(cut, end, shift, wholes, limit - 1)
                if rest is not None:
                    return ((base, cut), *rest)
        return None
    reach = (end - 1) & -(high << shift)
    if reach <= base:
        return ((base, end),)
    whole = _across(reach, wholes)
    for cut in (reach,) if whole is None else range(align_up(whole[1], 2 * high), end, 2 * high):
        if _across(cut, wholes) is None:
            rest = _search(base, cut, shift, wholes, limit - 1)
            if rest is not None:
                return (*rest, (cut, end))
    return None


def _across(cut: int, wholes: list[Pair]) -> Pair | None:
    """The whole that a boundary at ``cut`` would divide."""
    for whole in wholes:
        if whole[0] < cut < whole[1]:
            return whole
    return None


@functools.lru_cache(MOST_REMEMBERED)
def least_total(units: int, shift: int, slots: int) -> int:
    """The least total of ``slots`` runs end to end, at the best of all positions, that is ``units`` or more.

    In granules. With one run, ``units`` is rounded up to at most ``1 << shift`` equal steps; with more, the steps
    that fit come first and the rest is covered by smaller ones.
    """
    most = 1 << shift
    best = next_power_of_two(units)
    unit = 1
    while unit <= units:
        full, rest = divmod(units, unit)
        if full + (rest > 0) <= most:
            best = min(best, (full + (rest > 0)) * unit)
        if slots > 1 and full <= most:
            best = min(best, full * unit + (least_total(rest, shift, slots - 1) if rest else 0))
        unit <<= 1
    return best


def period(size: int, align: int, shift: int, granule: int) -> int:
    """The bytes by which :func:`highest` may be translated.

    Let P be the size rounded up to a power of two. A run with units of P or more holds an aligned block of P bytes,
    which one run matches alone; so the best answer needs only units up to P / 2, whose blocks are
    ``(P / 2) << shift`` bytes, or that one block of P.
    """
    power = next_power_of_two(max(size, granule))
    return max((power << shift) >> 1, power, align)


def highest(top: int, size: int, align: int, slots: int, shift: int, granule: int, wholes: Wholes) -> Pair | None:
    """The range of greatest base, then least end, that ends at or below ``top`` and that ``slots`` runs match.

    It has ``size`` bytes or more, a base that is a multiple of ``align`` (a power of two), and a cover with no
    boundary inside ``wholes``. ``None`` when that base would be below zero.
    """
    if slots < 1:
        return None
    span = period(size, max(align, granule), shift, granule)
    residue = top % span
    drop, length = _drop(residue, size, max(align, granule), slots, shift, granule, wholes)
    base = top - drop
    return (base, base + length) if base >= 0 else None


@functools.lru_cache(MOST_REMEMBERED)
def _drop(residue: int, size: int, align: int, slots: int, shift: int, granule: int, wholes: Wholes) -> Pair:
    """``(top - base, end - base)`` of the answer for every ``top`` congruent to ``residue``."""
    span = period(size, align, shift, granule)
    top = residue + 2 * span  # an aligned power of two that holds the size ends within two periods below
    if slots == 1 or wholes == ((0, size),):
        only = _one_run(top, size, align, shift, granule)
        return top - only[0], only[1] - only[0]
    if not wholes:
        base = _greatest_base(top, size, align, slots, shift, granule)
        end = _least_end(base, size, slots, shift, granule, wholes)
        assert end is not None
        return top - base, end - base
    wholes = tuple((low, high) for low, high in wholes if align_down(low, granule) + granule < high)
    step = max(align, _step_for_a_whole_at_the_base(wholes, shift))
    base = _greatest_base(top, size, step, slots, shift, granule)
    while True:
        length = _least_length(base % span, size, slots, shift, granule, wholes, span)
        if length is not None and base + length <= top:
            return top - base, length
        base -= step


def _one_run(top: int, size: int, align: int, shift: int, granule: int) -> Pair:
    """The same for a single run: of every unit the highest one, at a boundary of its block where it would cross it."""
    best = (-1, 0)
    unit = granule
    while True:
        length = -(-size // unit) * unit
        block = unit << shift
        if length <= block:
            end = top & -unit
            within = (end - 1) & -block
            base = (end - length if end - length >= within else within - length) & -align
            best = max(best, (base, -length))
        if unit >= size:
            return best[0], best[0] - best[1]
        unit <<= 1


def _step_for_a_whole_at_the_base(wholes: Wholes, shift: int) -> int:
    """The alignment of any base whose first run spans a whole that begins there: its unit divides the base."""
    longest = max((high for low, high in wholes if low == 0), default=1)
    return next_power_of_two(-(-longest >> shift))


def _greatest_base(top: int, size: int, align: int, slots: int, shift: int, granule: int) -> int:
    """The greatest base for :func:`highest` without ``wholes``.

    It is enough to round the end down, and then the base, to every power of two. A base that could still rise by its
    own alignment would, as that trims a run and adds none. For the end, take of all that are legal with the best base
    the one of the coarsest alignment. Could it rise by that much below ``top``, then so could either the end of the
    last run alone, or, if that run begins finer than it ends, all runs and the base with them.
    """
    best = -1
    end_step = granule
    while True:
        end = top & -end_step
        if end - size <= best:
            return best
        step = align
        while (base := (end - size) & -step) > best:
            if fewest(base, end, shift, slots) <= slots:
                best = base
                break
            if base == 0:
                break
            step <<= 1
        end_step <<= 1


def _least_end(base: int, size: int, slots: int, shift: int, granule: int, wholes: Wholes) -> int | None:
    """The least end of a range from ``base`` with ``size`` bytes or more that ``slots`` runs match, or ``None``."""
    power = next_power_of_two(max(size, granule))
    step = granule
    while step <= power:
        end = align_up(base + size, step)
        if wholes:
            if uncut(base, end, shift, wholes, slots) is not None:
                return end
        elif fewest(base, end, shift, slots) <= slots:
            return end
        step <<= 1
    return None


@functools.lru_cache(MOST_REMEMBERED)
def _least_length(
    residue: int, size: int, slots: int, shift: int, granule: int, wholes: Wholes, span: int
) -> int | None:
    base = residue + span
    end = _least_end(base, size, slots, shift, granule, wholes)
    return None if end is None else end - base


def smallest_enclosing(base: int, end: int, slots: int, shift: int, granule: int, space: int) -> Pair:
    """The smallest range, then the greatest base, inside ``[0, space)`` that holds ``[base, end)`` in ``slots`` runs.

    As in :func:`highest`, rounding the two ends outward to every pair of powers of two is enough.
    """
    best = (0, space)
    low_step = granule
    while low_step <= space:
        low = align_down(base, low_step)
        high_step = granule
        while high_step <= space:
            high = align_up(end, high_step)
            smaller = (high - low, -low) < (best[1] - best[0], -best[0])
            if high <= space and smaller and fewest(low, high, shift, slots) <= slots:
                best = (low, high)
            high_step <<= 1
        low_step <<= 1
    return best
