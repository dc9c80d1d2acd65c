"""Register words as literals in SMT-LIB text, over the hand-written prelude of each unit."""

from __future__ import annotations

from collections.abc import Sequence

from layoutplan.check.proof.script import address, word
from layoutplan.model.memory import Target
from layoutplan.model.plan import Words


def _fit(*registers: int) -> bool:
    """Whether the literals say all of the numbers: a register has 32 bits."""
    return all(0 <= register < 1 << 32 for register in registers)


class TextPmsav7:
    """Armv7-M and Armv6-M: the highest-numbered region that matches decides."""

    def __init__(self, prelude: str, *, background: bool = True) -> None:
        self.prelude = prelude
        self._background = background
        self.malformed_pair: Words = (0x0000_0000, 0xFFFF_FFFF)

    def constants(self, target: Target) -> str:
        """Nothing: the unit has no traits."""
        del target
        return ""

    def functions(self, partition: str, words: Sequence[Words], target: Target) -> str:
        """``decider.P`` is the deciding region's RASR; zero where none matches."""
        del target
        text = slot = ""
        for index, (rbar, rasr) in reversed(list(enumerate(words))):
            text += f"(ite (matches {word(rbar)} {word(rasr)} a) {word(rasr)}\n  "
            slot += f"(ite (matches {word(rbar)} {word(rasr)} a) #x{index:02x}\n  "
        decider = text + word(0) + ")" * len(words)
        privileged = f"(privileged (decider.{partition} a) a)"
        if not self._background:  # with PRIVDEFENA clear, what no region matches faults for privileged code too
            privileged = f"(ite (rasr.enabled (decider.{partition} a)) {privileged} #b000)"
        return (
            f"(define-fun decider.{partition} ((a Addr)) Word {decider})\n"
            f"(define-fun slot.{partition} ((a Addr)) (_ BitVec 8) {slot}#xff{')' * len(words)})\n"
            f"(define-fun user.{partition} ((a Addr)) Rights (user (decider.{partition} a)))\n"
            f"(define-fun privileged.{partition} ((a Addr)) Rights {privileged})"
        )

    def malformed(self, words: Sequence[Words], target: Target) -> list[str]:
        """One term for each slot."""
        del target
        return [f"(malformed {word(rbar)} {word(rasr)})" if _fit(rbar, rasr) else "true" for rbar, rasr in words]


class TextPmsav8:
    """Armv8-M: two regions that match fault, so one decides only where no other matches."""

    prelude = "armv8m.smt2"
    malformed_pair: Words = (0x0000_0008, 0x0000_0001)

    def constants(self, target: Target) -> str:
        """Nothing: the unit has no traits."""
        del target
        return ""

    def functions(self, partition: str, words: Sequence[Words], target: Target) -> str:
        """``decider.P`` is the one matching region's pair; zero where none or several match."""
        del target
        enabled = [(index, pair) for index, pair in enumerate(words) if pair[1] & 1]
        hits = [f"(matches {word(rbar)} {word(rlar)} a)" for _, (rbar, rlar) in enabled]
        pairs = [f"(and {hits[i]} {hits[j]})" for i in range(len(hits)) for j in range(i)]
        clash = f"(or false {' '.join(pairs)})"
        text = f"(ite (clash.{partition} a) #x0000000000000000\n  "
        slot = f"(ite (clash.{partition} a) #xff\n  "
        for hit, (index, (rbar, rlar)) in zip(hits, enabled, strict=True):
            text += f"(ite {hit} (concat {word(rbar)} {word(rlar)})\n  "
            slot += f"(ite {hit} #x{index:02x}\n  "
        decider = text + "#x0000000000000000" + ")" * (len(enabled) + 1)
        slot += "#xff" + ")" * (len(enabled) + 1)
        return (
            f"(define-fun clash.{partition} ((a Addr)) Bool {clash})\n"
            f"(define-fun decider.{partition} ((a Addr)) Pair {decider})\n"
            f"(define-fun slot.{partition} ((a Addr)) (_ BitVec 8) {slot})\n"
            f"(define-fun user.{partition} ((a Addr)) Rights (user (decider.{partition} a)))\n"
            f"(define-fun privileged.{partition} ((a Addr)) Rights"
            f" (privileged (decider.{partition} a) (clash.{partition} a) a))"
        )

    def malformed(self, words: Sequence[Words], target: Target) -> list[str]:
        """One term for each slot, and one for each two that might overlap."""
        del target
        terms = [f"(malformed {word(rbar)} {word(rlar)})" if _fit(rbar, rlar) else "true" for rbar, rlar in words]
        terms += [
            f"(overlap {word(words[i][0])} {word(words[i][1])} {word(words[j][0])} {word(words[j][1])})"
            for i in range(len(words))
            for j in range(i)
            if words[i][1] & words[j][1] & 1
        ]
        return terms


class TextPmp:
    """RISC-V: the lowest-numbered entry that matches decides; TOR reads the entry before. ``lockdown`` is Smepmp's."""

    prelude = "pmp.smt2"
    malformed_pair: Words = (0x0000_0000, 0x60)

    def __init__(self, *, lockdown: bool = False) -> None:
        self._lockdown = lockdown

    def constants(self, target: Target) -> str:
        """The sorts and the core's traits, which the prelude needs."""
        traits = target.pmp
        low = traits.grain // 4
        present = {mode: str(mode in traits.modes).lower() for mode in ("tor", "na4", "napot")}
        return (
            "(define-sort Addr () (_ BitVec 36))\n(define-sort Word () (_ BitVec 32))\n"
            "(define-sort Cfg () (_ BitVec 8))\n(define-sort Rights () (_ BitVec 3))\n"
            f"(define-fun grain.tor () Addr {address(traits.grain - 1)})\n"
            f"(define-fun grain.napot () Addr {address(low // 2 - 1 if low > 1 else 0)})\n"
            f"(define-fun grain.coarse () Bool {str(traits.grain > 4).lower()})\n"
            f"(define-fun swapped () Bool {str(traits.swapped_rx).lower()})\n"
            f"(define-fun lockdown () Bool {str(self._lockdown).lower()})\n"
            + "".join(f"(define-fun has.{mode} () Bool {there})\n" for mode, there in present.items())
        )

    def functions(self, partition: str, words: Sequence[Words], target: Target) -> str:
        """``decider.P`` is the deciding entry's pmpcfg byte; zero where none matches."""
        del target
        text = number = ""
        depth = 0
        for slot, (pmpaddr, config) in enumerate(words):
            if config >> 3 & 3:
                below = words[slot - 1][0] if slot else 0
                literals = f"{word(below)} {word(pmpaddr)} #x{config & 0xFF:02x}"
                text += f"(ite (matches {literals} a) #x{config & 0xFF:02x}\n  "
                number += f"(ite (matches {literals} a) #x{slot:02x}\n  "
                depth += 1
        decider = text + "#x00" + ")" * depth
        return (
            f"(define-fun decider.{partition} ((a Addr)) Cfg {decider})\n"
            f"(define-fun slot.{partition} ((a Addr)) (_ BitVec 8) {number}#xff{')' * depth})\n"
            f"(define-fun user.{partition} ((a Addr)) Rights (user (decider.{partition} a)))\n"
            f"(define-fun privileged.{partition} ((a Addr)) Rights (privileged (decider.{partition} a) a))"
        )

    def malformed(self, words: Sequence[Words], target: Target) -> list[str]:
        """One term for each entry."""
        fixed = {entry.index for entry in target.pmp.fixed if entry.hardwired}
        terms = []
        for slot, (pmpaddr, config) in enumerate(words):
            byte = f"#x{config & 0xFF:02x}"
            if not 0 <= config < 1 << 8 or not 0 <= pmpaddr < 1 << 32:
                terms.append("true")
            elif slot in fixed:
                terms.append(f"(malformed.fixed {byte})")
            else:
                terms.append(f"(malformed {word(pmpaddr)} {byte})")
        return terms
