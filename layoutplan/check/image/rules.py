"""Obligation 6: who owns each loaded byte, and that control reaches components only through declared entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from layoutplan.address import AddressRange, align_up, next_power_of_two
from layoutplan.check.elf.image import SHF_EXECINSTR, ElfImage
from layoutplan.check.image.loading import loaded_bytes
from layoutplan.check.image.parts import ImageParts
from layoutplan.check.image.startup import init_rows, kernel_data, kernel_stack
from layoutplan.check.image.trap_vectors import trap_vectors
from layoutplan.check.owners.facts import Facts, Tenure, kernel_ranges
from layoutplan.check.switch.table import RegionTable
from layoutplan.model.access import Machine, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding

IMAGE_RULES = (
    "kernel-sections",
    "load-image",
    "loaded-bytes",
    "vectors",
    "trap-vector",
    "unit-control",
    "constructors",
    "entries",
    "tasks",
    "interrupts",
    "init",
    "kernel-stack",
    "hash",
)
INTERRUPTS = {
    UnitName.ARMV6M: 32,
    UnitName.ARMV7M: 496,
    UnitName.ARMV8M: 480,
    UnitName.PMP: 1024,
    UnitName.NONE: 1024,
}
"""What the enable registers can number: Armv6-M ARM B3.4 (NVIC_ISER), Armv7-M ARM B3.4 (NVIC_ISER0 to 15), Armv8-M ARM
(NVIC_ISER), RISC-V PLIC specification (interrupt enable bits)."""
CONSTRUCTORS = (".init_array", ".preinit_array", ".fini_array", ".ctors", ".dtors")


def image_rules(
    system: System,
    image: ElfImage,
    parts: ImageParts,
    facts: Facts,
    table: RegionTable | None,
    known: Mapping[str, int],
) -> Iterator[Finding]:
    """Every finding of the rules in :data:`IMAGE_RULES`. ``known`` are the symbols of components that were traced."""
    yield from _kernel_sections(system, parts)
    yield from _load_images(image, parts, facts)
    yield from loaded_bytes(system, image, parts)
    yield from _vectors(system, image, parts)
    yield from trap_vectors(system, image, parts)
    yield from _constructors(image, parts)
    yield from _entries(system, image, parts, known)
    yield from init_rows(system, image, parts, table)
    yield from kernel_data(image, facts)
    yield from kernel_stack(system, image, parts, facts)
    if table is not None:
        yield from _tasks(system, table, parts)
        yield from _interrupts(system, table)
        yield from _hash(image, table)


def _kernel_sections(system: System, parts: ImageParts) -> Iterator[Finding]:
    """The kernel stays in its memories, below the blocks: bytes between blocks are nobody's or padding."""
    for section in parts.kernel:
        home = next((m for m in system.target.memories if m.range.contains(section.range)), None)
        if home is None or home.name not in (system.kernel.code_memory, system.kernel.data_memory):
            message = f"section `{section.name}` of the kernel is not in the kernel's memories"
            yield Finding(rule="kernel-sections", partition="kernel", range=section.range, message=message)
            continue
        lowest = min((b.used.base for b in parts.blocks if home.range.contains(b.used)), default=home.range.end)
        if section.range.end > lowest:
            message = f"section `{section.name}` of the kernel reaches the partitions' blocks at {lowest:#010x}"
            yield Finding(rule="kernel-sections", partition="kernel", range=section.range, message=message)
        for reserve in system.reserves:
            overlap = reserve.range.intersection(section.range)
            if overlap:
                message = f"section `{section.name}` is in a reserve of `{reserve.memory}`"
                yield Finding(rule="kernel-sections", partition="kernel", range=overlap, message=message)


def _load_images(image: ElfImage, parts: ImageParts, facts: Facts) -> Iterator[Finding]:
    """Bytes that start-up copies wait where no partition can read or change them."""
    for name, section in parts.sections.items():
        load = image.load_address(section)
        if load is None or load == section.address:
            continue
        where = AddressRange.of(load, section.size)
        for owner in facts.owners(where):
            if owner is None or owner.tenure is not Tenure.KERNEL:
                told = "nobody" if owner is None else owner.owner
                message = f"the load image of `{name}` is with {told}, not with the kernel"
                yield Finding(rule="load-image", partition=name.partition(".")[0], range=where, message=message)
                break


def _kernel_text(parts: ImageParts) -> list[AddressRange]:
    return [section.range for section in parts.kernel if section.flags & SHF_EXECINSTR]


def _vectors(system: System, image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    """Reset and every exception enter kernel code: a handler inside a component would run it privileged."""
    text = _kernel_text(parts)
    thumb = 1 if system.target.machine is Machine.ARM else 0
    if not any(image.entry & ~thumb in range_ for range_ in text):
        message = f"the image's entry point {image.entry:#010x} is not in the kernel's code"
        yield Finding(rule="vectors", message=message)
    if system.target.machine is not Machine.ARM:
        return
    sections = [section for section in parts.kernel if section.name == ".vector_table"]
    if len(sections) != 1:
        yield Finding(rule="vectors", message=f"{len(sections)} sections `.vector_table` where there must be one")
        return
    if not _first(system, image, parts, sections[0].address):
        message = "the vector table is not the first thing of the kernel, where the core looks for it"
        yield Finding(rule="vectors", range=sections[0].range, message=message)
    if sections[0].address % max(128, next_power_of_two(sections[0].size)):
        # Armv7-M ARM B3.2.5: the core takes the low bits of the table's address for zero.
        message = f"the vector table of {sections[0].size} B is at {sections[0].address:#010x}, not aligned to its size"
        yield Finding(rule="vectors", range=sections[0].range, message=message)
    words = image.words(sections[0].address, sections[0].size // 4)
    if words is None:
        yield Finding(
            rule="vectors", range=sections[0].range, message="the vectors are not loaded where the core reads them"
        )
        return
    asked = {number for component in system.components for number in component.interrupts}
    for number in sorted(number for number in asked if number < INTERRUPTS[system.unit]):
        if number + 16 >= len(words) or not words[number + 16]:
            message = f"interrupt {number} has no vector: the core takes what follows the table for one"
            yield Finding(rule="vectors", range=sections[0].range, message=message)
    for number, handler in enumerate(words[1:], start=1):
        if handler and (not handler & 1 or not any(handler & ~1 in range_ for range_ in text)):
            where = AddressRange.of(sections[0].address + 4 * number, 4)
            message = f"exception {number} enters {handler:#010x}, which is not Thumb code of the kernel"
            yield Finding(rule="vectors", range=where, message=message)


def _first(system: System, image: ElfImage, parts: ImageParts, address: int) -> bool:
    """Whether ``address`` is where the kernel begins, or behind its stack in one memory, up to a table's alignment.

    Armv7-M ARM B3.2.5, VTOR: bits 6:0 of the table's address are zero; larger tables are aligned to their size.
    """
    kernel = system.kernel
    start = min(
        (piece.base for name, piece in kernel_ranges(system, parts.blocks) if name == kernel.code_memory), default=0
    )
    if kernel.code_memory == kernel.data_memory and (stack := image.symbol("__lp_kernel_stack_end")) is not None:
        start = stack.value
    return any(align_up(start, 1 << bits) == address for bits in range(7, 12))


def _constructors(image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    """What start-up code may call before isolation is on is the kernel's own."""
    text = _kernel_text(parts)
    for section in parts.kernel:
        if section.name.startswith(CONSTRUCTORS):
            for number, target in enumerate(image.words(section.address, section.size // 4) or (0,)):
                if not any(target & ~1 in range_ for range_ in text):
                    where = AddressRange.of(section.address + 4 * number, 4)
                    message = f"`{section.name}` calls {target:#010x}, which is not in the kernel's code"
                    yield Finding(rule="constructors", range=where, message=message)


def _entries(system: System, image: ElfImage, parts: ImageParts, known: Mapping[str, int]) -> Iterator[Finding]:
    """Each task starts at its declared entry, in its own component's code."""
    tasks = sorted(system.tasks, key=lambda task: task.name)
    symbol = image.symbol("LP_ENTRIES")
    if symbol is None:
        if tasks and system.unit.value != "none":
            yield Finding(rule="entries", message="the image has no symbol `LP_ENTRIES`")
        return
    words = image.words(symbol.value, symbol.size // 4) or ()
    if len(words) != len(tasks):
        yield Finding(rule="entries", message=f"LP_ENTRIES has {len(words)} words for {len(tasks)} tasks")
        return
    for task, word in zip(tasks, words, strict=True):
        text = parts.sections.get(f"{task.component}.text")
        arm = system.target.machine is Machine.ARM
        entry = word & ~1 if arm else word
        if arm and not word & 1:
            message = f"task `{task.name}` starts at {word:#010x}, which is not Thumb code"
            yield Finding(rule="entries", partition=task.partition, message=message)
        if text is None or entry not in text.range:
            message = f"task `{task.name}` starts at {word:#010x}, outside the code of `{task.component}`"
            yield Finding(rule="entries", partition=task.partition, message=message)
        elif entry != known.get(task.entry, entry) & ~arm:
            message = f"task `{task.name}` starts at {word:#010x}, which is not `{task.entry}`"
            yield Finding(rule="entries", partition=task.partition, message=message)


def _tasks(system: System, table: RegionTable, parts: ImageParts) -> Iterator[Finding]:
    """The stack that the kernel gives a task is the one planned for it."""
    names = sorted(p.name for p in system.partitions)
    tasks = sorted(system.tasks, key=lambda task: task.name)
    if len(table.tasks) != len(tasks):
        yield Finding(rule="tasks", message=f"LP_TASKS has {len(table.tasks)} rows for {len(tasks)} tasks")
        return
    for task, (low, high, partition) in zip(tasks, table.tasks, strict=True):
        section = parts.sections.get(f"{task.name}.stack")
        if section is None or (low, high) != (section.address, section.range.end) or high - low < task.stack:
            message = f"LP_TASKS gives task `{task.name}` the stack {low:#010x} to {high:#010x}, not its own"
            yield Finding(rule="tasks", partition=task.partition, message=message)
        if partition >= len(names) or names[partition] != task.partition:
            message = f"LP_TASKS puts task `{task.name}` into partition {partition}"
            yield Finding(rule="tasks", partition=task.partition, message=message)


def _interrupts(system: System, table: RegionTable) -> Iterator[Finding]:
    """Each interrupt wakes a task of the component that asked for it, and no other is let through."""
    tasks = sorted(system.tasks, key=lambda task: task.name)
    asked = {number: component for component in system.components for number in component.interrupts}
    told = [number for number, _ in table.interrupts]
    for number in sorted({number for number in told if told.count(number) > 1}):
        yield Finding(rule="interrupts", message=f"LP_INTERRUPTS has interrupt {number} more than once")
    for number in sorted(number for number in {*told, *asked} if number >= INTERRUPTS[system.unit]):
        # The kernel makes an address of it: that of some other register.
        yield Finding(rule="interrupts", message=f"interrupt {number} is beyond the controller's registers")
    for number in sorted(asked.keys() ^ set(told)):
        partition = asked[number].partition if number in asked else ""
        yield Finding(
            rule="interrupts", partition=partition, message=f"LP_INTERRUPTS and the manifest differ in {number}"
        )
    for number, task in table.interrupts:
        component = asked.get(number)
        if component is not None and (task >= len(tasks) or tasks[task].component != component.name):
            message = f"interrupt {number} of `{component.name}` wakes task {task}"
            yield Finding(rule="interrupts", partition=component.partition, message=message)


def _hash(image: ElfImage, table: RegionTable) -> Iterator[Finding]:
    """Table and script are of one plan; the kernel compares the same two at boot."""
    symbol = image.symbol("__lp_hash")
    words = image.words(symbol.value, 2) if symbol is not None else None
    if words is None or table.hash == 0 or words[0] | words[1] << 32 != table.hash:
        yield Finding(rule="hash", message="LP_HASH and `__lp_hash` differ: table and script are of two plans")
