"""What the obligations lean on, proved for all register words: edges suffice, and bytes suffice.

*Edges*: between two neighbouring edges of a region nothing changes, so deciding the intervals between edges decides
every address. *Width*: an access of two, four or eight bytes is permitted only where each of its bytes is, so that
isolation of bytes is isolation; and a naturally aligned one is permitted where each of its bytes is.
"""

from __future__ import annotations

from dataclasses import dataclass

from layoutplan.check.proof import script
from layoutplan.check.proof.units import reading_of
from layoutplan.model.access import UnitName
from layoutplan.model.memory import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Lemma:
    """A statement about one unit: ``asserted`` must be unsatisfiable, ``control`` satisfiable."""

    name: str
    definitions: str
    asserted: str
    control: str


def lemmas(unit: UnitName, target: Target) -> tuple[Lemma, ...]:
    """The lemmas of one unit on one core."""
    reading = reading_of(unit, lockdown=unit is UnitName.PMP and target.pmp.smepmp)
    head = reading.text.constants(target) + script.prelude(reading.text.prelude)
    made = {UnitName.ARMV8M: _pmsav8, UnitName.PMP: _pmp}.get(unit, _pmsav7)()
    return tuple(
        Lemma(name=name, definitions=head + definitions, asserted=asserted, control=control)
        for name, definitions, asserted, control in made
    )


def _pmsav7() -> list[tuple[str, str, str, str]]:
    free = "(declare-const a Addr)\n(declare-const rbar Word)\n(declare-const rasr Word)\n"
    steps = (
        free
        + "(define-fun next () Addr (bvadd a #x000000001))\n"
        + "(define-fun here () Bool (matches rbar rasr a))\n(define-fun there () Bool (matches rbar rasr next))\n"
        # The granule of a region's edges, minus one: an eighth where subregions exist, else the region.
        + "(define-fun granule () Addr\n"
        + "  (ite (bvuge (rasr.size rasr) #b00111) (bvlshr (span rasr) #x000000003) (span rasr)))\n"
        + "(define-fun edge () Bool (and (= (bvand next granule) #x000000000)\n"
        + "  (bvule (base rbar rasr) next) (bvule next (bvadd (base rbar rasr) (bvadd (span rasr) #x000000001)))))\n"
    )
    legal = "(not (malformed rbar rasr))"
    return [
        ("edges", steps, "(and (not (= here there)) (not edge))", "(and (not (= here there)) edge)"),
        (
            "width",
            steps,
            f"(and {legal} (not (= here there)) (not (= ((_ extract 4 0) a) #b11111)))",
            f"(and {legal} (not (= here there)) (= ((_ extract 4 0) a) #b11111))",
        ),
    ]


def _pmsav8() -> list[tuple[str, str, str, str]]:
    steps = (
        "(declare-const a Addr)\n(declare-const rbar Word)\n(declare-const rlar Word)\n"
        "(define-fun next () Addr (bvadd a #x000000001))\n"
        "(define-fun here () Bool (matches rbar rlar a))\n(define-fun there () Bool (matches rbar rlar next))\n"
        "(define-fun edge () Bool (or (= next (base rbar)) (= a (limit rlar))))\n"
    )
    return [
        ("edges", steps, "(and (not (= here there)) (not edge))", "(and (not (= here there)) edge)"),
        (
            "width",
            steps,
            "(and (not (= here there)) (not (= ((_ extract 4 0) a) #b11111)))",
            "(and (not (= here there)) (= ((_ extract 4 0) a) #b11111))",
        ),
    ]


def _pmp() -> list[tuple[str, str, str, str]]:
    """By induction over entries: one entry before a tail of which only the induction hypothesis is known."""
    free = "(declare-const a Addr)\n(declare-const below Word)\n(declare-const pmpaddr Word)\n(declare-const cfg Cfg)\n"
    steps = (
        free
        + "(define-fun next () Addr (bvadd a #x000000001))\n"
        + "(define-fun here () Bool (matches below pmpaddr cfg a))\n"
        + "(define-fun there () Bool (matches below pmpaddr cfg next))\n"
        + "(define-fun napot.size () Addr (bvshl (bvadd (napot.low pmpaddr) #x000000001) #x000000002))\n"
        + "(define-fun napot.base () Addr\n"
        + "  (bvshl (bvand (concat #x0 pmpaddr) (bvnot (napot.low pmpaddr))) #x000000002))\n"
        + "(define-fun edge () Bool (let ((mode (cfg.mode cfg)))\n"
        + "  (or (and (= mode #b01) (or (= next (bvand (bytes below) (bvnot grain.tor)))\n"
        + "                             (= next (bvand (bytes pmpaddr) (bvnot grain.tor)))))\n"
        + "      (and (= mode #b10) (or (= next (bytes pmpaddr)) (= next (bvadd (bytes pmpaddr) #x000000004))))\n"
        + "      (and (= mode #b11) (or (= next napot.base) (= next (bvadd napot.base napot.size)))))))\n"
    )
    offsets = [f"#x{offset:09x}" for offset in range(8)]
    bytes_ = [f"(bvadd a {offset})" for offset in offsets]
    tail = "".join(f"(declare-const tail.{i} Rights)\n" for i in range(8)) + "(declare-const tail Rights)\n"
    hits = "".join(
        f"(define-fun hit.{i} () Bool (matches below pmpaddr cfg {byte}))\n" for i, byte in enumerate(bytes_)
    )
    body, within, exactly, control = free + tail + hits, [], [], []
    for width in (2, 4, 8):
        every = " ".join(f"hit.{i}" for i in range(width))
        access = f"(ite (or {every}) (ite (and {every}) (user cfg) #b000) tail)"
        single = [f"(ite hit.{i} (user cfg) tail.{i})" for i in range(width)]
        hypothesis = " ".join(f"(= (bvand tail (bvnot tail.{i})) #b000)" for i in range(width))
        beyond = " ".join(f"(not (= (bvand {access} (bvnot {one})) #b000))" for one in single)
        within.append(f"(and {hypothesis} (or {beyond}))")
        control.append(f"(or {beyond})")
        if width <= 4:
            aligned = f"(= (bvand a #x{width - 1:09x}) #x000000000)"
            same = " ".join(f"(= tail tail.{i})" for i in range(width))
            differs = " ".join(f"(not (= {access} {one}))" for one in single)
            exactly.append(f"(and {aligned} {same} (or {differs}))")
    straddles = "(and (not (= hit.0 hit.3)) (= tail tail.0 tail.1 tail.2 tail.3) (not (= (user cfg) tail)))"
    return [
        ("edges", steps, "(and (not (= here there)) (not edge))", "(and (not (= here there)) edge)"),
        ("width-isolation", body, f"(or {' '.join(within)})", f"(or {' '.join(control)})"),
        ("width-availability", body, f"(or {' '.join(exactly)})", straddles),
    ]
