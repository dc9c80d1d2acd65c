"""The shape of ``layout.toml``: one struct per table. The JSON Schema that editors and the reader use is made of it."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from layoutplan.inputs.jsonschema import Limit, schema_of

U32 = 0xFFFF_FFFF
"""The greatest address and the greatest size that a 32-bit target can name."""

Name = Annotated[
    str,
    Limit(
        pattern=r"^[A-Za-z][A-Za-z0-9_-]*$",
        longest=64,
        words="a name: a letter, then letters, digits, `_` and `-`, at most 64 characters",
    ),
]
Symbol = Annotated[
    str, Limit(pattern=r"^[^\s\x00-\x1f\"'\\{}();,*?\[\]]+$", longest=256, words="the name of a linker symbol")
]
SectionName = Annotated[str, Limit(pattern=r"^[A-Za-z0-9_.$-]+$", longest=128, words="the exact name of a section")]
Text = Annotated[str, Limit(not_empty=True, longest=4096, pattern=r"^[^\x00]+$", words="text that is not empty")]
Address = Annotated[int, Limit(least=0, most=U32, words="an address: a whole number from 0 to 0xffff_ffff")]
Size = Annotated[
    Annotated[int, Limit(least=0, most=U32)]
    | Annotated[str, Limit(pattern=r"^([0-9]{1,9}|[0-9]{1,6}K|[0-9]{1,3}M|[1-3][0-9]{3}M)$")],
    Limit(words='a size below 4 GiB in bytes: a whole number, or text such as "512", "1K" or "2M"'),
]
Percent = Annotated[
    str,
    Limit(pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?%$", words='a percentage as text, such as "5%" or "0.5%"'),
]
Count = Annotated[int, Limit(least=0, most=64, words="a number of slots: from 0 to 64")]
IsolationWord = Literal["none", "mpu", "pmp", "software"]
AcceptWord = Literal["excess", "dma", "mixed-trust", "no-isolation", "gale-wx"]
Rights = Literal["r", "rw"]
MemoryAccess = Literal["r", "rw", "rx", "rwx"]
CodeWord = Literal["shared", "private"]
RodataWord = Literal["with-code", "separate"]
MemoryNames = Annotated[
    Name | Annotated[list[Name], Limit(not_empty=True)],
    Limit(words="the name of a memory, or a list of names in order of preference"),
]


class Table(Struct, forbid_unknown_fields=True, rename="kebab", frozen=True, kw_only=True, omit_defaults=True):
    """A table of the manifest: kebab-case keys, unknown ones refused."""


class PmpEntryTable(Table, frozen=True, kw_only=True):
    """A PMP entry that is there before us: ``pmpaddr`` as the register reads, ``pmpcfg`` as one byte."""

    index: Annotated[int, Limit(least=0, most=63)]
    address: Address
    config: Annotated[int, Limit(least=0, most=255)]


class PmpTable(Table, frozen=True, kw_only=True):
    """``[target] pmp``: what the core's PMP lacks or bends. ``grain`` in bytes; ``smepmp`` has the extension used."""

    grain: Annotated[int, Limit(least=4, most=1 << 31)] | UnsetType = UNSET
    modes: Annotated[list[Literal["napot", "na4", "tor"]], Limit(not_empty=True)] | UnsetType = UNSET
    preset: list[PmpEntryTable] | UnsetType = UNSET
    hardwired: list[PmpEntryTable] | UnsetType = UNSET
    smepmp: bool = False


class TargetTable(Table, frozen=True, kw_only=True):
    """``[target]``: a chip of the catalogue, or a unit with its slots; what is given stands over the chip.

    ``machine`` is needed only where neither says it: a core without a unit that is not Arm.
    """

    chip: Text | UnsetType = UNSET
    unit: Literal["armv6m", "armv7m", "armv8m", "pmp", "none"] | UnsetType = UNSET
    slots: Count | UnsetType = UNSET
    machine: Literal["arm", "riscv"] | UnsetType = UNSET
    fpu: bool | UnsetType = UNSET
    pmp: PmpTable | UnsetType = UNSET
    libraries: list[Text] = field(default_factory=list)
    svd: Text | UnsetType = UNSET


class MemoryTable(Table, frozen=True, kw_only=True):
    """``[memory.NAME]``: an ld ``MEMORY`` entry; over a chip's memory of that name, what is given replaces it."""

    origin: Address | UnsetType = UNSET
    length: Size | UnsetType = UNSET
    access: MemoryAccess | UnsetType = UNSET


class KernelSizes(Table, frozen=True, kw_only=True):
    """Least sizes of the kernel."""

    code: Size = 0
    data: Size = 0
    bss: Size = 0


class KernelMemory(Table, frozen=True, kw_only=True):
    """The kernel's memories by kind."""

    code: Name | UnsetType = UNSET
    data: Name | UnsetType = UNSET


class KernelTable(Table, frozen=True, kw_only=True):
    """``[kernel]``: the crate that is linked with the components."""

    sizes: KernelSizes = KernelSizes()
    stack: Size = "2K"
    reserved_slots: Count = 0
    background: Literal["privileged", "none"] = "privileged"
    memory: KernelMemory = KernelMemory()
    peripherals: list[Name] = field(default_factory=list)


class DefaultsTable(Table, frozen=True, kw_only=True):
    """``[defaults]``: for every partition that does not say otherwise."""

    code: CodeWord = "shared"
    rodata: RodataWord = "with-code"


class ComponentMemory(Table, frozen=True, kw_only=True):
    """A component's memories by kind, each a name or a list in order of preference."""

    code: MemoryNames | UnsetType = UNSET
    rodata: MemoryNames | UnsetType = UNSET
    data: MemoryNames | UnsetType = UNSET


class ComponentSizes(Table, frozen=True, kw_only=True):
    """Estimates instead of objects."""

    code: Size = 0
    rodata: Size = 0
    data: Size = 0
    bss: Size = 0


class ComponentTable(Table, frozen=True, kw_only=True):
    """``[component.NAME]``: one dissolved unit."""

    objects: list[Text] = field(default_factory=list)
    entry: Symbol | UnsetType = UNSET
    stack: Size | UnsetType = UNSET
    trust: Literal["verified", "untrusted"] = "verified"
    peripherals: list[Name] = field(default_factory=list)
    interrupts: list[
        Annotated[
            Annotated[int, Limit(least=0, most=1023)] | Name,
            Limit(words="an interrupt: its number, or its name in the chip's list"),
        ]
    ] = field(default_factory=list)
    sections: list[SectionName] = field(default_factory=list)
    exports: list[Annotated[Literal["*"] | Symbol, Limit(words='a symbol, or "*" for every global')]] = field(
        default_factory=list
    )
    partition: Name | UnsetType = UNSET
    heap: Size = 0
    linear_memory: Size = 0
    memory: ComponentMemory = ComponentMemory()
    sizes: ComponentSizes | UnsetType = UNSET
    slack: Size = 0
    accept: list[AcceptWord] = field(default_factory=list)


class TaskTable(Table, frozen=True, kw_only=True):
    """``[task.NAME]``: a further entry point of a component."""

    component: Name
    entry: Symbol
    stack: Size


class PinTable(Table, frozen=True, kw_only=True):
    """Fixed bases of a partition's blocks."""

    code: Address | UnsetType = UNSET
    rodata: Address | UnsetType = UNSET
    data: Address | UnsetType = UNSET


class PartitionTable(Table, frozen=True, kw_only=True):
    """``[partition.NAME]``: a protection domain that some component names."""

    slots: Count | UnsetType = UNSET
    code: CodeWord | UnsetType = UNSET
    rodata: RodataWord | UnsetType = UNSET
    split: bool = True
    pin: PinTable = PinTable()


class ShareTable(Table, frozen=True, kw_only=True):
    """``[shared.NAME]``: memory that the named partitions may touch."""

    size: Size
    memory: Name | UnsetType = UNSET
    access: Annotated[dict[Name, Rights], Limit(not_empty=True)]


class PeripheralTable(Table, frozen=True, kw_only=True):
    """``[peripheral.NAME]``: device registers. A ``bus-master`` is a way to memory past the regions."""

    base: Address
    size: Size
    bus_master: bool | UnsetType = UNSET


class RuntimeTable(Table, frozen=True, kw_only=True):
    """``[runtime]``: one stateless block of code that every partition may call."""

    objects: Annotated[list[Text], Limit(not_empty=True)]
    exports: list[Annotated[Literal["*"] | Symbol, Limit(words='a symbol, or "*" for every global')]] = field(
        default_factory=lambda: ["*"]
    )


class ReserveTable(Table, frozen=True, kw_only=True):
    """``[[reserve]]``: bytes of a memory that belong to nobody in the plan."""

    memory: Name
    base: Address
    size: Size


class ObjectiveTable(Table, frozen=True, kw_only=True):
    """``[objective]``: what a byte of each memory weighs, and what stability may cost."""

    weights: dict[Name, Annotated[float, Limit(above=0, most=1e9)]] = field(default_factory=dict)
    move_waste: Percent = "1%"


class ManifestTable(Table, frozen=True, kw_only=True):
    """The whole of ``layout.toml``."""

    manifest_version: Literal[1]
    isolation: Annotated[
        IsolationWord | Annotated[list[IsolationWord], Limit(not_empty=True)],
        Limit(words='"none", "mpu", "pmp", "software", or a list of them'),
    ] = "none"
    target: TargetTable = TargetTable()
    memory: dict[Name, MemoryTable] = field(default_factory=dict)
    kernel: KernelTable = KernelTable()
    defaults: DefaultsTable = DefaultsTable()
    component: Annotated[dict[Name, ComponentTable], Limit(not_empty=True)]
    task: dict[Name, TaskTable] = field(default_factory=dict)
    partition: dict[Name, PartitionTable] = field(default_factory=dict)
    shared: dict[Name, ShareTable] = field(default_factory=dict)
    peripheral: dict[Name, PeripheralTable] = field(default_factory=dict)
    runtime: RuntimeTable | UnsetType = UNSET
    reserve: list[ReserveTable] = field(default_factory=list)
    objective: ObjectiveTable = ObjectiveTable()
    budget: dict[Name, Percent] = field(default_factory=dict)


@cache
def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of ``layout.toml`` as a TOML reader sees it."""
    return schema_of(ManifestTable, "layout.toml")
