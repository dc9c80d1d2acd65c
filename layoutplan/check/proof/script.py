"""The obligations as SMT-LIB 2 text: the prelude of the unit, the words as literals, owners and needs as intervals.

This text is primary: Z3 reads it here, any solver reads the same bytes from the evidence. It restates the rules and
does not call the enumeration; the two are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from layoutplan.address import AddressRange, is_power_of_two
from layoutplan.check.owners.facts import Facts, Need
from layoutplan.check.owners.physical import depth
from layoutplan.model.access import Access
from layoutplan.model.memory import Alias

NOWHERE = 1 << 35
"""An address beyond every bus: nothing is ever permitted there. Negative controls ask for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question: ``asserted`` must be unsatisfiable, its ``control`` must be satisfiable."""

    rule: str
    partition: str
    asserted: str
    control: str

    @property
    def name(self) -> str:
        """``isolation.uart``; the rule alone where all partitions are asked about together."""
        return f"{self.rule}.{self.partition}" if self.partition else self.rule


def prelude(name: str) -> str:
    """The hand-written part for one unit."""
    return resources.files("layoutplan.check.proof").joinpath(name).read_text(encoding="utf-8")


def address(value: int) -> str:
    """A 36-bit literal."""
    return f"#x{value:09x}"


def word(value: int) -> str:
    """A 32-bit literal."""
    return f"#x{value & 0xFFFF_FFFF:08x}"


def rights(access: Access) -> str:
    """A 3-bit literal: bit 0 read, 1 write, 2 execute."""
    return f"#b{int(access):03b}"


def choose(pieces: Iterable[tuple[AddressRange, str]], default: str, variable: str = "a") -> str:
    """Nested ``ite`` over ranges; the first that holds the address decides."""
    text, depth = "", 0
    for range_, value in pieces:
        text += f"(ite (within {variable} {address(range_.base)} {address(range_.end)}) {value}\n  "
        depth += 1
    return text + default + ")" * depth


def any_of(terms: Iterable[str]) -> str:
    """Disjunction; ``false`` of nothing."""
    terms = tuple(terms)
    return f"(or {' '.join(terms)})" if terms else "false"


def common(facts: Facts) -> str:
    """The free addresses of every question, and ``physical``, which folds aliases."""
    return f"(declare-const a Addr)\n(declare-const b Addr)\n{_physical(facts.aliases)}"


def definitions(facts: Facts, partition: str, unit: str) -> str:
    """The unit's functions for one partition (``unit``), and its ``needed``, ``allowed`` and ``kernel``."""
    needs = [(need.range, need.access) for need in facts.needs_of(partition)]
    owned = [(t.range, rights(t.rights[partition])) for t in facts.territories if partition in t.rights]
    kernel = _union([(need.range, need.access) for need in facts.kernel_needs[partition]])
    return (
        f"{unit}\n"
        f"(define-fun needed.{partition} ((a Addr)) Rights {_union(needs)})\n"
        f"(define-fun allowed.{partition} ((a Addr)) Rights {choose(owned, '#b000')})\n"
        f"(define-fun kernel.{partition} ((a Addr)) Rights {kernel})\n"
    )


def _union(pieces: Sequence[tuple[AddressRange, Access]]) -> str:
    """All rights that any piece gives. Pieces may overlap (overlapping blocks are refused elsewhere)."""
    plain = [(range_.base, range_.end, int(access)) for range_, access in pieces]
    edges = sorted({edge for base, end, _ in plain for edge in (base, end)})
    values = [0]
    for edge in edges:
        values.append(0)
        for base, end, access in plain:
            if base <= edge < end:
                values[-1] |= access
    return _search(edges, [rights(Access(value)) for value in values])


def _search(edges: Sequence[int], values: Sequence[str]) -> str:
    """``values[i]`` from ``edges[i-1]`` up to ``edges[i]``, found by halving: a solver's work grows with the depth."""
    if not edges:
        return values[0]
    middle = len(edges) // 2
    below = _search(edges[:middle], values[: middle + 1])
    above = _search(edges[middle + 1 :], values[middle + 1 :])
    return f"(ite (bvult a {address(edges[middle])})\n {below}\n {above})"


def _physical(aliases: tuple[Alias, ...]) -> str:
    """``physical``: one folding step as often as the longest chain of aliases needs."""
    text, nested = "", 0
    for alias in aliases:
        offset = f"(bvsub a {address(alias.view.base)})"
        if is_power_of_two(alias.scale):
            offset = f"(bvlshr {offset} {address(alias.scale.bit_length() - 1)})"
        else:
            offset = f"(bvudiv {offset} {address(alias.scale)})"
        moved = f"(bvadd {address(alias.target.base)} {offset})"
        text += f"(ite (within a {address(alias.view.base)} {address(alias.view.end)}) {moved}\n  "
        nested += 1
    folded = "a"
    for _ in range(depth(aliases) or 0):
        folded = f"(folded {folded})"
    step = f"(define-fun folded ((a Addr)) Addr {text}a{')' * nested})\n" if aliases else ""
    return f"{step}(define-fun physical ((a Addr)) Addr {folded})\n"


def isolation(partition: str, first: Need | None) -> Query:
    """Some issued address where more is permitted than the owner allows."""
    excess = "(not (= (bvand (user.{p} a) (bvnot {allowed})) #b000))"
    allowed = f"(allowed.{partition} (physical a))"
    asserted = f"(and (issued a) {excess.format(p=partition, allowed=allowed)})"
    # The control takes one needed byte away from the partition: it must be found, and nothing else.
    byte = address(first.range.base) if first else address(0)
    taken = f"(ite (= a {byte}) #b000 {allowed})"
    control = f"(and (issued a) {excess.format(p=partition, allowed=taken)})"
    return Query(rule="isolation", partition=partition, asserted=asserted, control=control)


def availability(partition: str) -> Query:
    """Some needed right that is not permitted; the control needs a byte that does not exist."""
    asserted = f"(not (= (bvand (needed.{partition} a) (bvnot (user.{partition} a))) #b000))"
    more = f"(bvor (needed.{partition} a) (ite (= a {address(NOWHERE)}) #b001 #b000))"
    control = f"(not (= (bvand {more} (bvnot (user.{partition} a))) #b000))"
    return Query(rule="availability", partition=partition, asserted=asserted, control=control)


def kernel_access(partition: str) -> Query:
    """Some right that the kernel needs and does not have under the partition's registers."""
    asserted = f"(not (= (bvand (kernel.{partition} a) (bvnot (privileged.{partition} a))) #b000))"
    more = f"(bvor (kernel.{partition} a) (ite (= a {address(NOWHERE)}) #b001 #b000))"
    control = f"(not (= (bvand {more} (bvnot (privileged.{partition} a))) #b000))"
    return Query(rule="kernel-access", partition=partition, asserted=asserted, control=control)


def kernel_confined(partition: str, needs: Sequence[Need]) -> Query:
    """Some right that the kernel has and does not need; the control takes the first byte of each need away from it."""
    excess = "(and (issued a) (not (= (bvand (privileged.{p} a) (bvnot {own})) #b000)))"
    own = f"(kernel.{partition} a)"
    taken = f"(ite {any_of(f'(= a {address(need.range.base)})' for need in needs)} #b000 {own})"
    return Query(
        rule="kernel-confined",
        partition=partition,
        asserted=excess.format(p=partition, own=own),
        control=excess.format(p=partition, own=taken),
    )


def memory_types(partition: str, facts: Facts) -> Query:
    """Some permitted address of another type than the catalogue's; the control asks for the right type."""
    cases = []
    for typed in facts.types:
        right = f"(type.{typed.type.value} (decider.{partition} a))"
        if typed.type.value != "device":
            shared = f"(shareable (decider.{partition} a))"
            right = f"(and {right} {shared if typed.shareable else f'(not {shared})'})"
        cases.append((typed.range, right))
    right_type = choose(cases, f"(type.device (decider.{partition} a))")
    permitted = f"(issued a) (not (= (user.{partition} a) #b000))"
    return Query(
        rule="memory-type",
        partition=partition,
        asserted=f"(and {permitted} (not {right_type}))",
        control=f"(and {permitted} {right_type})",
    )


def write_xor_execute(facts: Facts) -> Query:
    """Two addresses of one physical byte, one that somebody writes and one that somebody executes."""
    second = "b" if facts.aliases else "a"
    writes = [f"(= ((_ extract 1 1) (user.{p} a)) #b1)" for p in facts.partitions]
    executes = [f"(= ((_ extract 2 2) (user.{p} {second})) #b1)" for p in facts.partitions]
    same = f"(issued a) (issued {second}) (= (physical a) (physical {second}))"
    writable = next((n.range.base for n in facts.needs if Access.WRITE in n.access), 0)
    also = f"(= {second} {address(writable)})"
    writes_control = [*writes, f"(= a {address(writable)})"]
    return Query(
        rule="write-xor-execute",
        partition="",
        asserted=f"(and {same} {any_of(writes)} {any_of(executes)})",
        control=f"(and {same} {any_of(writes_control)} {any_of([*executes, also])})",
    )


def exactness(partition: str, granted: Iterable[tuple[AddressRange, Access]]) -> Query:
    """Some address where the registers and the plan's grants differ; the control denies one granted byte."""
    granted = tuple(granted)
    told = _union(granted)
    byte = address(granted[0][0].base if granted else NOWHERE)
    denied = f"(ite (= a {byte}) (bvnot (user.{partition} a)) {told})"
    return Query(
        rule="exactness",
        partition=partition,
        asserted=f"(and (issued a) (not (= (user.{partition} a) {told})))",
        control=f"(not (= (user.{partition} a) {denied}))",
    )


def seams(partition: str, whole: Sequence[Need]) -> Query:
    """Two addresses of one undivided need that different slots decide; the control gives one byte a slot of its own."""
    bounds = [(address(need.range.base), address(need.range.end)) for need in whole]
    same = any_of(f"(and (within a {base} {end}) (within b {base} {end}))" for base, end in bounds)
    asked = "(and {same} (not (= {slot} #xff)) (not (= (slot.{p} b) #xff)) (not (= {slot} (slot.{p} b))))"
    slot = f"(slot.{partition} a)"
    alone = f"(ite (= a {bounds[0][0]}) #xfe {slot})" if bounds else "#xfe"
    return Query(
        rule="seam",
        partition=partition,
        asserted=asked.format(same=same, slot=slot, p=partition),
        control=asked.format(same=same, slot=alone, p=partition) if bounds else "true",
    )


def well_formed(partition: str, terms: list[str], malformed: str) -> Query:
    """Some slot with a reserved or UNPREDICTABLE field; the control adds a pair that is known to have one."""
    return Query(rule="well-formed", partition=partition, asserted=any_of(terms), control=any_of([*terms, malformed]))


def intervals(partition: str, table: Sequence[tuple[AddressRange, Access]]) -> Query:
    """Some address where the words and the interval table differ; the control leaves the table's first row out."""
    asked = "(and (issued a) (not (= (user.{p} a) {told})))"
    rows = [(range_, rights(access)) for range_, access in table]
    return Query(
        rule="intervals",
        partition=partition,
        asserted=asked.format(p=partition, told=choose(rows, "#b000")),
        control=asked.format(p=partition, told=choose(rows[1:], "#b000")) if rows else "true",
    )


def witnesses(partition: str, facts: Facts) -> str:
    """Ground facts that show the obligations speak about something: true for the words of a good plan."""
    terms: list[str] = []
    for need in facts.needs_of(partition):
        for byte in (need.range.base, need.range.last):
            given = f"(bvand (user.{partition} {address(byte)}) {rights(need.access)})"
            terms.append(f"(= {given} {rights(need.access)})")
    terms += [
        f"(= (user.{partition} {address(territory.range.base)}) #b000)"
        for territory in facts.territories
        if not territory.rights.get(partition)
    ]
    return "(and true " + "\n  ".join(terms) + ")"
