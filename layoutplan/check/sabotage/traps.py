"""Good images in which traps or the kernel's own code enter a component, or nobody can tell where traps enter."""

from __future__ import annotations

import struct
from collections.abc import Callable

from layoutplan.check.elf.image import EM_ARM, SHF_ALLOC
from layoutplan.check.elf.relocated import model_of
from layoutplan.check.image.trap_vectors import MPU_MAIR0
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.images import ImageSabotage
from layoutplan.check.sabotage.plans import ARM, ARM8, PMP
from layoutplan.check.sabotage.reference_image import SET_VECTORS
from layoutplan.check.sabotage.writer import Image, Piece, code_naming, movw_movt, set_vectors
from layoutplan.check.switch.program import MPU_CTRL
from layoutplan.model.access import Machine, UnitName

_RULE, _NAMED = "trap-vector", "kernel-references"


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


def _csr(number: int) -> Callable[[Image], None]:
    """The register that holds the base is written to another CSR too."""

    def breaks(image: Image) -> None:
        replace_code(image, 12, struct.pack("<I", number << 20 | 10 << 15 | 1 << 12 | 0x73))

    return breaks


def _stores(address: int, value: int) -> Callable[[Image], None]:
    """One more store of the kernel's code."""

    def breaks(image: Image) -> None:
        code = movw_movt(value) + movw_movt(address, register=1) + struct.pack("<H", 0x6008)
        replace_code(image, 18, code)

    return breaks


def _vectors_loaded(image: Image) -> None:
    replace_code(image, 4, struct.pack("<HH", 0x6800, 0xBF00))  # LDR r0, [r0]


def _vectors_short(image: Image) -> None:
    """The table ends before the interrupt that the manifest asks for: the core reads what follows."""
    vectors = image.piece(".vector_table")
    vectors.data, vectors.size = vectors.data[:128], 128


def _vector_empty(image: Image) -> None:
    at = 4 * (16 + reference.INTERRUPT)
    vectors = image.piece(".vector_table")
    vectors.data = vectors.data[:at] + bytes(4) + vectors.data[at + 4 :]


def _vectors_askew(image: Image) -> None:
    """34 words 128 bytes on: the core takes address bit 7 for zero."""
    vectors = image.piece(".vector_table")
    vectors.address = 0x80
    text = image.piece(".text")
    text.address, moved = 0x180, 0x80
    image.entry += moved
    words = struct.unpack(f"<{len(vectors.data) // 4}I", vectors.data)
    vectors.data = struct.pack(f"<{len(words)}I", words[0], *(word + moved for word in words[1:]))
    replace_code(image, 0, set_vectors(UnitName.ARMV7M, vectors.address))


def _start_up_elsewhere(image: Image) -> None:
    """Start-up code copies initial data by other addresses than its symbols say."""
    unit = UnitName.ARMV7M if image.machine == EM_ARM else UnitName.PMP
    text, named = image.piece(".text"), code_naming(unit, image.symbols["__lp_kernel_data_load"][0])
    text.data = text.data.replace(named, bytes(len(named)))


def _near(code: Callable[[int], bytes]) -> Callable[[Image], None]:
    """A component's code right above the kernel's, entered by a short branch; ``code`` makes it from the distance."""

    def breaks(image: Image) -> None:
        text = image.piece(".text")
        base = image.piece(".lp.uart.text").address - 0x40
        image.pieces.append(Piece(".text.near", base, data=code(0x50).ljust(8, b"\0"), flags=text.flags))

    return breaks


def _riscv(kind: int, word: int) -> Callable[[int], bytes]:
    """The instruction with the offset in the field of that relocation type."""
    field = model_of(Machine.RISCV, kind)
    assert field is not None
    return lambda offset: field.put(word, offset).to_bytes(field.width, "little")


def _hidden_code(image: Image) -> None:
    """The kernel branches to what the headers do not call code, where nobody looks for calls into components."""
    arm = image.machine == EM_ARM
    text = image.piece(".text")
    image.pieces.append(Piece(".text.hidden", 0x700, data=bytes(16), flags=SHF_ALLOC))
    image.symbols["$t" if arm else "$x"] = (text.address, 0)
    distance = 0x700 - (text.address + SET_VECTORS + 32)
    code = struct.pack("<H", 0xE000 | distance - 4 >> 1) if arm else _riscv(17, 0xEF)(distance)
    replace_code(image, 32, code)


TRAPS: tuple[ImageSabotage, ...] = (
    ImageSabotage(
        name="traps enter a component",
        rule=_RULE,
        breaks=_set_to(lambda image: image.piece(".lp.uart.text").address + 0x10),
        units=PMP,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(
        name="traps enter the table of vectors' last word",
        rule=_RULE,
        breaks=_set_to(lambda image: _text_end(image) - 0x20 | 1),
        units=PMP,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(
        name="a reserved mode of mtvec",
        rule=_RULE,
        breaks=_set_to(lambda image: image.piece(".text").address | 2),
        units=PMP,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(name="a trap vector that nobody sets", rule=_RULE, breaks=_never_set, units=PMP, alone=True),
    ImageSabotage(
        name="a trap vector from memory", rule=_RULE, breaks=_loaded, units=PMP, touching=".text", alone=True
    ),
    ImageSabotage(
        name="a trap vector on one path", rule=_RULE, breaks=_two_paths, units=PMP, touching=".text", alone=True
    ),
    ImageSabotage(
        name="bits set in the trap vector", rule=_RULE, breaks=_set_bits, units=PMP, touching=".text", alone=True
    ),
    ImageSabotage(
        name="a call before the trap vector",
        rule=_RULE,
        breaks=_called_between,
        units=PMP,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(
        name="vectors that were not checked",
        rule=_RULE,
        breaks=_set_to(lambda _: reference.RAM.base + 0x400),
        units=ARM,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(
        name="vectors from memory", rule=_RULE, breaks=_vectors_loaded, units=ARM, touching=".text", alone=True
    ),
    ImageSabotage(
        name="vectors that end too soon",
        rule="vectors",
        breaks=_vectors_short,
        units=ARM,
        touching=".vector_table",
        alone=True,
    ),
    ImageSabotage(
        name="an interrupt without a vector",
        rule="vectors",
        breaks=_vector_empty,
        units=ARM,
        touching=".vector_table",
        alone=True,
    ),
    ImageSabotage(
        name="vectors off their alignment", rule="vectors", breaks=_vectors_askew, units=ARM, touching=".vector_table"
    ),
    ImageSabotage(
        name="start-up that copies from elsewhere",
        rule=_NAMED,
        partition="kernel",
        breaks=_start_up_elsewhere,
        alone=True,
    ),
    *(
        ImageSabotage(
            name=f"{name} into a component",
            rule=_NAMED,
            partition="kernel",
            breaks=_near(code),
            units=units,
            touching=".text.near",
        )
        for name, code, units in (
            ("B", lambda offset: struct.pack("<H", 0xE000 | offset - 4 >> 1), ARM),
            ("BEQ", lambda offset: struct.pack("<H", 0xD000 | offset - 4 >> 1), ARM),
            (
                "CBZ",
                lambda offset: struct.pack("<H", 0xB100 | (offset - 4 >> 6) << 9 | (offset - 4 >> 1 & 31) << 3),
                ARM,
            ),
            ("BEQ", _riscv(16, 0x63), PMP),
            ("JAL", _riscv(17, 0xEF), PMP),
            ("C.BEQZ", _riscv(44, 0xC101), PMP),
            ("C.J", _riscv(45, 0xA001), PMP),
            ("C.JAL", _riscv(45, 0x2001), PMP),
        )
    ),
    ImageSabotage(name="traps handed down", rule=_RULE, breaks=_csr(0x302), units=PMP, touching=".text", alone=True),
    ImageSabotage(
        name="interrupts handed down", rule=_RULE, breaks=_csr(0x303), units=PMP, touching=".text", alone=True
    ),
    ImageSabotage(name="paging", rule="unit-control", breaks=_csr(0x180), units=PMP, touching=".text", alone=True),
    ImageSabotage(
        name="an MPU that faults do not see",
        rule="unit-control",
        breaks=_stores(MPU_CTRL, 0b111),
        units=ARM,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(
        name="attributes of another map",
        rule="unit-control",
        breaks=_stores(MPU_MAIR0, 0x0444_AA44),
        units=ARM8,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(
        name="code that is not called code",
        rule=_NAMED,
        partition="kernel",
        breaks=_hidden_code,
        touching=".text",
        alone=True,
    ),
)
