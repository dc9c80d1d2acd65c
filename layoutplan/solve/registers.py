"""From placed blocks to hardware slots: regions, which of them are static, and every slot of every partition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import DISABLED, Block, PeripheralGrant, Placement, Region, Slot, SlotMap, Words
from layoutplan.protection.overlay import encode_denied, granted_by
from layoutplan.protection.pmp_entries import redundant_bounds
from layoutplan.protection.together import encode_together
from layoutplan.protection.unit import ProtectionUnit
from layoutplan.solve.background import background_regions
from layoutplan.solve.hardwired import closing_regions, programmable
from layoutplan.solve.peripherals import device_groups

HIGHEST_WINS = (UnitName.ARMV6M, UnitName.ARMV7M)
"""Where the highest number wins an overlap, what is written on a switch must stand above what is not."""


@dataclass(frozen=True, slots=True)
class Own:
    """What neighbouring slots of one partition do: ``granted`` and ``denied`` by ``regions``, in slot order."""

    granted: tuple[AddressRange, ...]
    denied: tuple[AddressRange, ...]
    regions: tuple[Region, ...]


def regions_of(system: System, unit: ProtectionUnit, placement: Placement, access: Access) -> tuple[Region, ...]:
    """The regions that match a placed block with one partition's rights, in slot order."""
    memory, owner = system.target.memory(placement.memory), placement.block.name
    granting = tuple(
        Region(
            owner=owner,
            ranges=(piece,),
            access=access,
            words=unit.encode(piece, access, memory.type, memory.shareable),
        )
        for piece in granted_by(unit, placement.cover)
    )
    denying = tuple(
        Region(
            owner=owner,
            ranges=(piece,),
            access=Access.NONE,
            words=encode_denied(unit, piece, memory.type, memory.shareable),
        )
        for piece in placement.denied
    )
    return (*granting, *denying) if system.unit in HIGHEST_WINS else (*denying, *granting)


def device_regions(unit: ProtectionUnit, granted: Sequence[PeripheralGrant]) -> tuple[Region, ...]:
    """The regions of one partition's peripherals: device memory, shareable, never executable.

    One region may match several, with the subregions between them disabled; its owner names them all.
    """
    return tuple(
        Region(
            owner=", ".join(
                grant.name for grant in granted if any(piece.overlaps(own) for piece in group for own in grant.cover)
            ),
            ranges=group,
            access=Access.RW,
            words=encode_together(unit, group, Access.RW, MemoryType.DEVICE, True),
        )
        for group in device_groups(unit, granted)
    )


def is_static(block: Block, partitions: Sequence[str]) -> bool:
    """Whether every partition has the same rights on ``block``. With one partition nothing is worth a static slot."""
    rights = {block.granted_to.get(name, Access.NONE) for name in partitions}
    return len(partitions) > 1 and len(rights) == 1 and Access.NONE not in rights


def assemble(
    system: System,
    unit: ProtectionUnit,
    partitions: Sequence[str],
    placements: Sequence[Placement],
    peripherals: Sequence[PeripheralGrant],
) -> tuple[SlotMap, Mapping[str, tuple[Slot, ...]]]:
    """Every hardware slot of every partition, and which are written when. No slots at all without isolation."""
    if system.unit is UnitName.NONE:
        empty = SlotMap(first_static=0, static=0, first_dynamic=0, dynamic=0, first_reserved=0, reserved=0)
        return empty, dict.fromkeys(partitions, ())
    shared = _static(placements, partitions)
    # First: on PMSAv7 the lowest number gives way to all others, on PMP it decides before all others.
    always = _pairs(background_regions(system, placements))
    always += _pairs(in_order(system.unit, [_own(system, unit, each, partitions[0]) for each in shared]))
    always += _pairs(closing_regions(system))
    own = {
        name: _own_pairs(
            system, unit, name, [placement for placement in placements if placement not in shared], peripherals
        )
        for name in partitions
    }
    slots = _slot_map(system, max((len(pairs) for pairs in own.values()), default=0))
    return slots, {name: _slots(system, slots, always, pairs) for name, pairs in own.items()}


def _own_pairs(
    system: System,
    unit: ProtectionUnit,
    partition: str,
    placements: Sequence[Placement],
    peripherals: Sequence[PeripheralGrant],
) -> list[tuple[str, Words]]:
    """The pairs written when ``partition`` is switched to, in address order as far as overlays allow."""
    found = [_own(system, unit, each, partition) for each in placements if each.block.granted_to.get(partition)]
    granted = [grant for grant in peripherals if grant.partition == partition]
    found += [Own(region.ranges, (), (region,)) for region in device_regions(unit, granted)]
    return _without_held_bounds(system, _pairs(in_order(system.unit, found)))


def _own(system: System, unit: ProtectionUnit, placement: Placement, partition: str) -> Own:
    regions = regions_of(system, unit, placement, placement.block.granted_to[partition])
    return Own((placement.granted,), placement.denied, regions)


def _static(placements: Sequence[Placement], partitions: Sequence[str]) -> list[Placement]:
    """The blocks for static slots: the same for every partition, and nothing of them denied by a dynamic slot.

    What is rewritten on a switch decides before what is not, so a block that an overlay reaches over moves there too.
    """
    found = [placement for placement in placements if is_static(placement.block, partitions)]
    while True:
        denied = [piece for each in placements if each not in found for piece in each.denied]
        kept = [each for each in found if not any(piece.overlaps(each.granted) for piece in denied)]
        if len(kept) == len(found):
            return found
        found = kept


def in_order(unit: UnitName, owned: Iterable[Own]) -> Iterator[Region]:
    """The regions in slot order: by address, but what one block denies of another is decided by the other.

    No two deny each other (the solver sees to that), and then no longer ring of them does either: what reaches over
    two blocks reaches over every block between.
    """
    left = sorted(owned, key=lambda own: own.granted[0])
    while left:
        chosen = next(own for own in left if not any(_goes_before(unit, other, own) for other in left))
        left.remove(chosen)
        yield from chosen.regions


def _goes_before(unit: UnitName, one: Own, other: Own) -> bool:
    """Whether ``one`` has to have the lower slot numbers."""
    first, second = (one, other) if unit in HIGHEST_WINS else (other, one)
    return one is not other and any(piece.overlaps(granted) for piece in first.denied for granted in second.granted)


def _without_held_bounds(system: System, pairs: list[tuple[str, Words]]) -> list[tuple[str, Words]]:
    """Fewer stores on a PMP switch: a TOR lower bound that the entry before holds anyway takes no entry of its own."""
    if system.unit is not UnitName.PMP:
        return pairs
    # With static slots before it, the first dynamic entry is never the unit's first, whose lower bound is zero.
    first = 1 if _static_first(system) else programmable(system).start
    held = redundant_bounds([words for _, words in pairs], first)
    return [pair for index, pair in enumerate(pairs) if index not in held]


def _pairs(regions: Iterable[Region]) -> list[tuple[str, Words]]:
    return [(region.owner, words) for region in regions for words in region.words]


def _static_first(system: System) -> bool:
    """Whether static slots have the lower numbers: with Smepmp the kernel's decide before all that a switch writes."""
    return system.unit in HIGHEST_WINS or system.smepmp


def _slot_map(system: System, dynamic: int) -> SlotMap:
    """The programmable slots, divided: static and dynamic in the unit's order, reserved last."""
    run = programmable(system)
    first = run.start
    reserved = system.kernel.reserved_slots
    static = len(run) - dynamic - reserved
    if _static_first(system):
        first_static, first_dynamic = first, first + static
    else:
        first_dynamic, first_static = first, first + dynamic
    return SlotMap(
        first_static=first_static,
        static=static,
        first_dynamic=first_dynamic,
        dynamic=dynamic,
        first_reserved=first + static + dynamic,
        reserved=reserved,
    )


def _slots(
    system: System, slots: SlotMap, always: Sequence[tuple[str, Words]], own: Sequence[tuple[str, Words]]
) -> tuple[Slot, ...]:
    filled: dict[int, Slot] = {}
    for entry in system.target.pmp.fixed if system.unit is UnitName.PMP else ():
        if entry.hardwired:
            filled[entry.index] = Slot(index=entry.index, words=(entry.address, entry.config), static=True)
    for first, count, pairs, static in (
        (slots.first_static, slots.static, always, True),
        (slots.first_dynamic, slots.dynamic, own, False),
    ):
        for offset in range(count):
            owner, words = pairs[offset] if offset < len(pairs) else (None, DISABLED)
            filled[first + offset] = Slot(index=first + offset, words=words, owner=owner, static=static)
    for index in range(slots.first_reserved, slots.first_reserved + slots.reserved):
        filled[index] = Slot(index=index, words=DISABLED, reserved=True)
    return tuple(filled[index] for index in sorted(filled))
