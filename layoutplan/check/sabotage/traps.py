"""Good images in which traps enter elsewhere than in the kernel's code, or nobody can tell where."""

from __future__ import annotations

import struct
from collections.abc import Callable

from layoutplan.check.elf.image import EM_ARM
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.images import ImageSabotage
from layoutplan.check.sabotage.plans import ARM, PMP
from layoutplan.check.sabotage.reference_image import SET_VECTORS
from layoutplan.check.sabotage.writer import Image, set_vectors
from layoutplan.model.access import UnitName

_RULE = "trap-vector"


def _set_to(base: Callable[[Image], int]) -> Callable[[Image], None]:
    """The kernel's code names another base."""

    def breaks(image: Image) -> None:
        unit = UnitName.ARMV7M if image.machine == EM_ARM else UnitName.PMP
        replace_code(image, 0, set_vectors(unit, base(image)))

    return breaks


def replace_code(image: Image, offset: int, code: bytes) -> None:
    """Other instructions from ``offset`` of those that set the vectors."""
    text, at = image.piece(".text"), SET_VECTORS + offset
    text.data = text.data[:at] + code + text.data[at + len(code) :]


def _text_end(image: Image) -> int:
    text = image.piece(".text")
    return text.address + text.size


def _never_set(image: Image) -> None:
    replace_code(image, 8, struct.pack("<I", 0x13))  # NOP


def _loaded(image: Image) -> None:
    """The base comes from memory, where anything may be."""
    replace_code(image, 4, struct.pack("<I", 10 << 15 | 2 << 12 | 10 << 7 | 0x03))  # LW a0, 0(a0)


def _two_paths(image: Image) -> None:
    """A branch leads around the instruction that completes the address."""
    replace_code(image, -4, struct.pack("<I", 0x63 | 8 << 7))  # BEQ x0, x0, over LUI
    replace_code(image, 0, struct.pack("<I", 0x13 | 10 << 7))


def _set_bits(image: Image) -> None:
    """Bits are added to what the register held."""
    replace_code(image, 8, struct.pack("<I", 0x305 << 20 | 10 << 15 | 2 << 12 | 0x73))  # CSRRS


def _called_between(image: Image) -> None:
    """A call may change the register that holds the base."""
    text = image.piece(".text")
    csr = text.data[SET_VECTORS + 8 : SET_VECTORS + 12]
    replace_code(image, 8, struct.pack("<I", (-0x100 & 0xFFF) << 20 | 0x67 | 1 << 7) + csr)  # JALR ra


def _vectors_loaded(image: Image) -> None:
    replace_code(image, 4, struct.pack("<HH", 0x6800, 0xBF00))  # LDR r0, [r0]


TRAPS: tuple[ImageSabotage, ...] = (
    ImageSabotage(
        name="traps enter a component",
        rule=_RULE,
        breaks=_set_to(lambda image: image.piece(".lp.uart.text").address + 0x10),
        units=PMP,
        alone=True,
    ),
    ImageSabotage(
        name="traps enter the table of vectors' last word",
        rule=_RULE,
        breaks=_set_to(lambda image: _text_end(image) - 0x20 | 1),
        units=PMP,
        alone=True,
    ),
    ImageSabotage(
        name="a reserved mode of mtvec",
        rule=_RULE,
        breaks=_set_to(lambda image: image.piece(".text").address | 2),
        units=PMP,
        alone=True,
    ),
    ImageSabotage(name="a trap vector that nobody sets", rule=_RULE, breaks=_never_set, units=PMP, alone=True),
    ImageSabotage(name="a trap vector from memory", rule=_RULE, breaks=_loaded, units=PMP, alone=True),
    ImageSabotage(name="a trap vector on one path", rule=_RULE, breaks=_two_paths, units=PMP, alone=True),
    ImageSabotage(name="bits set in the trap vector", rule=_RULE, breaks=_set_bits, units=PMP, alone=True),
    ImageSabotage(name="a call before the trap vector", rule=_RULE, breaks=_called_between, units=PMP, alone=True),
    ImageSabotage(
        name="vectors that were not checked",
        rule=_RULE,
        breaks=_set_to(lambda _: reference.RAM.base + 0x400),
        units=ARM,
        alone=True,
    ),
    ImageSabotage(name="vectors from memory", rule=_RULE, breaks=_vectors_loaded, units=ARM, alone=True),
)
