"""What QEMU 7.2 makes of PMSAv7 registers: it remembers rights for a page. Written for the tests; shares no code.

Source: observed, and its ``target/arm/ptw.c``, ``get_phys_addr_pmsav7``. From the highest region down, one that touches
the page and not the address has each access looked up anew, and so has one that matches less than the page. One that
holds the address in a disabled subregion has not, although its other subregions may be in the page too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.oracles.armv7m import Pair, allowed, edges, matches

PAGE = 1024
STEP = 32
"""No subregion is smaller."""


def remembered(registers: Sequence[Pair], address: int) -> bool:
    """Whether what is permitted at ``address`` is permitted in its whole page from then on."""
    page = address - address % PAGE
    for pair in reversed(registers):
        size, base = 2 << ((pair[1] >> 1) & 0x1F), pair[0] & 0xFFFF_FFE0
        if not pair[1] & 1 or base >= page + PAGE or base + size <= page:
            continue
        if not base <= address < base + size:
            return False
        if matches(pair, address):
            return all(matches(pair, other) for other in range(page, page + PAGE, STEP))
    return False


def let_through(registers: Sequence[Pair]) -> Iterator[tuple[int, int, str]]:
    """An address, another of its page that lets it through, and the rights that this gives it and it has not."""
    for page in sorted({at - at % PAGE for at in edges(registers)}):
        rights = {at: allowed(registers, at) for at in range(page, page + PAGE, STEP)}
        for touched, gives in rights.items():
            if gives and remembered(registers, touched):
                for at, has in rights.items():
                    more = "".join(letter for letter in gives if letter not in has)
                    if more:
                        yield at, touched, more
