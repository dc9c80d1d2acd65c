"""Build attributes: which instruction set the compiler was asked for. Decoded by pyelftools, held in bounds here."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import Machine

if TYPE_CHECKING:
    from layoutplan.objects.elf import ElfFile

_ATTRIBUTES = 0x7000_0003
_MAX_BYTES = 64 << 10
_MAX_SUBSECTIONS = 16
_MAX_ATTRIBUTES = 1024

CPU_ARCH = {
    10: "v7", 11: "v6-M", 12: "v6S-M", 13: "v7E-M", 16: "v8-M.baseline", 17: "v8-M.mainline", 21: "v8.1-M.mainline",
}  # fmt: skip
"""``Tag_CPU_arch`` of the Cortex-M architectures (Addenda to the ABI for the Arm Architecture, table 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildAttributes:
    """``cpu_arch`` is Arm's ``Tag_CPU_arch``; ``isa`` is RISC-V's ``Tag_RISCV_arch``. ``None``: not written."""

    cpu_arch: int | None = None
    isa: str | None = None

    @property
    def architecture(self) -> str | None:
        """In words, for faults."""
        return self.isa if self.cpu_arch is None else CPU_ARCH.get(self.cpu_arch, f"Tag_CPU_arch {self.cpu_arch}")


def read_attributes(elf: ElfFile) -> BuildAttributes:
    """The attributes of the whole file. ``BadInput`` when the section is there and cannot be read."""
    section = next((section for section in elf.sections if section.type == _ATTRIBUTES and section.size), None)
    if section is None:
        return BuildAttributes()
    if section.size > _MAX_BYTES:
        raise _broken(elf, f"{section.size} bytes of build attributes are more than {_MAX_BYTES}")
    try:
        found = dict(_file_attributes(elf.content(section), elf.machine))
    except Exception as error:  # noqa: BLE001 - pyelftools raises whatever hostile bytes lead it to
        raise _broken(elf, f"the build attributes cannot be read: {error}") from None
    cpu_arch, isa = found.get("TAG_CPU_ARCH"), found.get("TAG_ARCH")
    return BuildAttributes(
        cpu_arch=cpu_arch if isinstance(cpu_arch, int) else None, isa=isa if isinstance(isa, str) else None
    )


def _broken(elf: ElfFile, message: str) -> BadInput:
    hint = "build the object again: it is damaged, or of a compiler that writes its attributes otherwise"
    return BadInput([Fault(code="broken-object", message=message, where=elf.name, hint=hint)])


def _file_attributes(content: bytes, machine: Machine) -> Iterator[tuple[str, Any]]:
    from elftools.construct.lib.container import Container
    from elftools.elf.sections import ARMAttributesSection, RISCVAttributesSection
    from elftools.elf.structs import ELFStructs

    structs = ELFStructs(little_endian=True, elfclass=32)
    structs.create_basic_structs()
    name = "EM_ARM" if machine is Machine.ARM else "EM_RISCV"
    structs.create_advanced_structs("ET_REL", name, "ELFOSABI_SYSV")
    reader = ARMAttributesSection if machine is Machine.ARM else RISCVAttributesSection
    header = Container(sh_offset=0, sh_size=len(content), sh_flags=0, sh_addralign=1, sh_type="SHT_PROGBITS")
    shim: Any = _Stream(io.BytesIO(content), structs)
    section = reader(header, "", shim)
    # pyelftools follows the lengths that the file gives, which may lead in circles: hence the islices.
    for subsection in islice(section.iter_subsections(), _MAX_SUBSECTIONS):
        for scope in islice(subsection.iter_subsubsections("TAG_FILE"), _MAX_SUBSECTIONS):
            for attribute in islice(scope.iter_attributes(), _MAX_ATTRIBUTES):
                yield attribute.tag, attribute.value


@dataclass(frozen=True, slots=True)
class _Stream:
    """As much of pyelftools' ELFFile as its attribute sections use."""

    stream: io.BytesIO
    structs: Any
