"""The obligations decided by enumeration: intervals of ``permits`` against ``need`` and ``owner``.

Every function yields one finding per maximal run of broken addresses, so that all faults are seen at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from layoutplan.address import AddressRange, merge, subtract
from layoutplan.check.owners.facts import Facts, Need, Territory, TypedRange
from layoutplan.check.owners.physical import Piece, fold
from layoutplan.check.words.permits import CLASH, Interval
from layoutplan.model.access import Access
from layoutplan.model.evidence import Finding
from layoutplan.model.memory import Alias, MemoryType

Intervals = tuple[Interval, ...]
_RIGHTS = (Access.READ, Access.WRITE, Access.EXECUTE)


class Privileged(Protocol):
    """What of a decoder the rules about the kernel and memory types need."""

    def background(self, range_: AddressRange) -> tuple[tuple[AddressRange, Access], ...]:
        """Privileged rights where no slot matches."""

    def type_is(self, attribute: int, expected: MemoryType, *, shareable: bool) -> bool:
        """Whether attribute bits give a memory type."""


def isolation(partition: str, intervals: Intervals, facts: Facts) -> Iterator[Finding]:
    """Nothing is permitted that the physical byte's owner does not give the partition."""
    for interval in intervals:
        if not interval.user:
            continue
        for piece in fold(facts.aliases, interval.range):
            for part, owner, allowed in _owners(piece.physical, partition, facts.territories):
                beyond = interval.user & ~allowed
                if beyond:
                    where = piece.issued_for(part).intersection(interval.range) or interval.range
                    message = f"may {_verbs(beyond)} what belongs to {owner} (slot {interval.slot})"
                    if piece.issued != piece.physical:
                        message += f", through an alias of {part}"
                    yield Finding(rule="isolation", partition=partition, range=where, message=message)


def availability(partition: str, intervals: Intervals, facts: Facts) -> Iterator[Finding]:
    """Every need is permitted at every byte."""
    for right in _RIGHTS:
        # What is missing of a block is said once, not again for each of its parts.
        given = [i.range for i in intervals if right in i.user]
        for need in facts.needs_of(partition):
            if right in need.access:
                for hole in list(subtract(need.range, given)):
                    given.append(hole)
                    message = f"cannot {_verbs(right)} its own `{need.what}`"
                    yield Finding(rule="availability", partition=partition, range=hole, message=message)


def kernel_access(partition: str, intervals: Intervals, decoder: Privileged, facts: Facts) -> Iterator[Finding]:
    """The kernel reaches what it needs while the partition's registers are loaded."""
    for need in facts.kernel_needs[partition]:
        for range_, access in _privileged(need, intervals, decoder):
            lacking = need.access & ~access
            if lacking:
                message = f"the kernel cannot {_verbs(lacking)} `{need.what}` while `{partition}` runs"
                yield Finding(rule="kernel-access", partition=partition, range=range_, message=message)


def kernel_confined(partition: str, intervals: Intervals, facts: Facts) -> Iterator[Finding]:
    """The kernel has nothing by itself that it does not need: no memory of a partition, and no code but its own."""
    for interval in intervals:
        for right in _RIGHTS:
            if right in interval.privileged:
                own = [need.range for need in facts.kernel_needs[partition] if right in need.access]
                for beyond in subtract(interval.range, own):
                    message = f"the kernel may {_verbs(right)} what is not its own while `{partition}` runs"
                    message += f" (slot {interval.slot})"
                    yield Finding(rule="kernel-confined", partition=partition, range=beyond, message=message)


def memory_types(partition: str, intervals: Intervals, decoder: Privileged, facts: Facts) -> Iterator[Finding]:
    """A permitted byte has the catalogue's memory type; what is in no memory is device memory."""
    for interval in intervals:
        if not interval.user:
            continue
        for typed in facts.types:
            overlap = interval.range.intersection(typed.range)
            if overlap and not decoder.type_is(interval.attribute, typed.type, shareable=typed.shareable):
                yield _wrong_type(partition, overlap, interval, typed)
        for rest in subtract(interval.range, [typed.range for typed in facts.types]):
            if not decoder.type_is(interval.attribute, MemoryType.DEVICE, shareable=True):
                typed = TypedRange(name="peripherals", range=rest, type=MemoryType.DEVICE, shareable=True)
                yield _wrong_type(partition, rest, interval, typed)


def exactness(
    partition: str, intervals: Intervals, granted: Iterable[tuple[AddressRange, Access]]
) -> Iterator[Finding]:
    """The registers permit what the plan says it grants, no more and no less."""
    granted = tuple(granted)
    for right in _RIGHTS:
        permitted = merge(i.range for i in intervals if right in i.user)
        told = merge(range_ for range_, access in granted if right in access)
        for range_ in permitted:
            for extra in subtract(range_, told):
                message = f"may {_verbs(right)} more than the plan grants"
                yield Finding(rule="exactness", partition=partition, range=extra, message=message)
        for range_ in told:
            for lost in subtract(range_, permitted):
                message = f"may not {_verbs(right)} what the plan grants"
                yield Finding(rule="exactness", partition=partition, range=lost, message=message)


def write_xor_execute(permitted: Mapping[str, Intervals], aliases: tuple[Alias, ...]) -> Iterator[Finding]:
    """No physical byte that any partition may write may be executed by any."""
    writers, runners = (_physical(permitted, aliases, right) for right in (Access.WRITE, Access.EXECUTE))
    for writer, write in writers:
        for runner, run in runners:
            both = write.intersection(run)
            if both:
                message = f"`{writer}` may write what `{runner}` may execute"
                yield Finding(rule="write-xor-execute", partition=writer, range=both, message=message)


def seams(partition: str, intervals: Intervals, whole: Iterable[Need]) -> Iterator[Finding]:
    """One slot decides all of a stack, a shared buffer or an unsplit block; on PMP all of a code block too."""
    for need in whole:
        slots = [i.slot for i in intervals if i.range.overlaps(need.range) and i.slot != CLASH]
        if len(set(slots)) > 1:
            message = f"`{need.what}` is cut by a seam between slots {' and '.join(map(str, sorted(set(slots))))}"
            yield Finding(rule="seam", partition=partition, range=need.range, message=message)


def _owners(
    physical: AddressRange, partition: str, territories: Iterable[Territory]
) -> Iterator[tuple[AddressRange, str, Access]]:
    met = [t for t in territories if t.range.overlaps(physical)]
    for territory in met:
        part = territory.range.intersection(physical)
        assert part is not None
        yield part, territory.owner, territory.rights.get(partition, Access.NONE)
    for gap in subtract(physical, [territory.range for territory in met]):
        yield gap, "nobody", Access.NONE


def _privileged(need: Need, intervals: Intervals, decoder: Privileged) -> Iterator[tuple[AddressRange, Access]]:
    met = [i for i in intervals if i.range.overlaps(need.range)]
    for interval in met:
        part = interval.range.intersection(need.range)
        assert part is not None
        yield part, interval.privileged
    for gap in subtract(need.range, [interval.range for interval in met]):
        yield from decoder.background(gap)


def _physical(
    permitted: Mapping[str, Intervals], aliases: tuple[Alias, ...], right: Access
) -> list[tuple[str, AddressRange]]:
    found: list[tuple[str, AddressRange]] = []
    for partition, intervals in permitted.items():
        pieces: list[Piece] = [piece for i in intervals if right in i.user for piece in fold(aliases, i.range)]
        found += [(partition, range_) for range_ in merge(piece.physical for piece in pieces)]
    return found


def _wrong_type(partition: str, where: AddressRange, interval: Interval, typed: TypedRange) -> Finding:
    shared = "shareable " if typed.shareable and typed.type is not MemoryType.DEVICE else ""
    bits = f"{interval.attribute:#08b}"
    message = f"slot {interval.slot} has attribute bits {bits}, but {typed.name} is {shared}{typed.type.value}"
    return Finding(rule="memory-type", partition=partition, range=where, message=message)


def _verbs(access: Access) -> str:
    words = ((Access.READ, "read"), (Access.WRITE, "write"), (Access.EXECUTE, "execute"))
    return " and ".join(word for right, word in words if right in access)
