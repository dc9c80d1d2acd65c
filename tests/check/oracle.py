"""A third decoder, for tests: asks of one byte at a time what the manual says, without ranges or sorting."""

from __future__ import annotations

from layoutplan.model.access import UnitName
from layoutplan.model.plan import Words


def rights(unit: UnitName, words: tuple[Words, ...], address: int, *, grain: int = 4, swapped: bool = False) -> str:
    """Unprivileged rights on the byte at ``address``, as letters."""
    if unit is UnitName.PMP:
        return _pmp(words, address, grain, swapped)
    if unit is UnitName.ARMV8M:
        return _pmsav8(words, address)
    return _pmsav7(words, address)


def _pmsav7(words: tuple[Words, ...], address: int) -> str:
    answer = ""
    for rbar, rasr in words:  # later numbers override
        if rasr % 2 == 0:
            continue
        exponent = rasr // 2 % 32 + 1
        if address >> exponent != rbar >> exponent:
            continue
        if exponent >= 8:
            subregion = (address >> (exponent - 3)) % 8
            if rasr >> (8 + subregion) & 1:
                continue
        access = (rasr >> 24) % 8
        answer = {2: "r", 3: "rw", 6: "r", 7: "r"}.get(access, "")
        if answer and not rasr >> 28 & 1:
            answer += "x"
    return answer


def _pmsav8(words: tuple[Words, ...], address: int) -> str:
    hits = [(rbar, rlar) for rbar, rlar in words if rlar & 1 and rbar >> 5 <= address >> 5 <= rlar >> 5]
    if len(hits) != 1:
        return ""
    ((rbar, _),) = hits
    answer = {1: "rw", 3: "r"}.get(rbar >> 1 & 3, "")
    return answer + "x" if answer and not rbar & 1 else answer


def _pmp(words: tuple[Words, ...], address: int, grain: int, swapped: bool) -> str:
    below = 0
    for pmpaddr, config in words:
        mode = (config >> 3) % 4
        unit = grain // 4
        word = address >> 2
        hit = False
        if mode == 1:
            hit = below // unit * unit <= word < pmpaddr // unit * unit
        elif mode == 2:
            hit = word == pmpaddr
        elif mode == 3:
            size = 2
            while size < unit or (pmpaddr | (unit // 2 - 1 if unit > 1 else 0)) & (size - 1) == size - 1:
                size *= 2
            hit = word // size == pmpaddr // size
        if hit:
            letters = [("r", 1), ("w", 2), ("x", 4)] if not swapped else [("r", 4), ("w", 2), ("x", 1)]
            return "".join(letter for letter, bit in letters if config & bit)
        below = pmpaddr
    return ""
