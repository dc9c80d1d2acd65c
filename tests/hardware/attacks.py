"""Every attack on a plan, made from the plan: who tries what, where, and what has to become of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import Role
from layoutplan.model.plan import Slot
from tests.hardware.scene import Scene, aliases, blocks, edge_addresses, gaps, kernel
from tests.hardware.steps import Kind, Operation, Response, Step
from tests.hardware.verdict import Attempt
from tests.toolchain import RISCV32

REFUSED = 0xFFFF_FFFF
INITIAL_STATICS = 0x600D_DA7A ^ 0xC0DE_0002
"""What ``OWN_STATICS`` reads from a component that was initialised."""

PRIVATE = {
    "SYST_CSR": 0xE000_E010,
    "NVIC_ISER0": 0xE000_E100,
    "NVIC_ICER0": 0xE000_E180,
    "ICSR": 0xE000_ED04,
    "VTOR": 0xE000_ED08,
    "SHCSR": 0xE000_ED24,
    "MPU_TYPE": 0xE000_ED90,
    "MPU_CTRL": 0xE000_ED94,
    "MPU_RNR": 0xE000_ED98,
    "MPU_RBAR": 0xE000_ED9C,
    "MPU_RASR": 0xE000_EDA0,
    "MPU_RBAR_A3": 0xE000_EDB4,
    "DHCSR": 0xE000_EDF0,
    "STIR": 0xE000_EF00,
}
"""Registers of the private peripheral bus, which no region may grant."""

DATA_KINDS = frozenset({Kind.DATA, Kind.READ, Kind.WRITE})
SYSTEM_KINDS = DATA_KINDS | {Kind.BUS}
STACK_KINDS = frozenset({Kind.STACK, Kind.STACK_POINTER, Kind.DATA, Kind.WRITE})


def points(piece: AddressRange) -> dict[str, int]:
    """First, last and one inside."""
    return {"first": piece.base, "inside": piece.base + piece.size // 2, "last": piece.last}


def touch(scene: Scene, task: int, what: str, piece: AddressRange, *, observe: bool = True) -> Iterator[Attempt]:
    """Read, write and execute at the edges of ``piece``; what the plan grants must work, the rest must not."""
    name = scene.partitions[scene.partition_of[task]]
    for where, address in points(piece).items():
        seen = address if observe else 0
        yield from at(scene, task, name, f"{what}/{where}", address, seen, execute=where == "first")


def at(scene: Scene, task: int, name: str, what: str, address: int, seen: int, *, execute: bool) -> Iterator[Attempt]:
    """Read and write one byte, and run it where ``execute``; ``seen`` is the byte to observe, or zero."""
    held = scene.held(name, address)
    label = f"{name}/{what}"
    device = scene.device(address)
    if device and held and not scene.image.machine.devices_take_bytes:
        if address == device.base:
            yield Attempt(name=f"{label}/may-read", step=Step(task=task, operation=Operation.READ32, address=address))
        return
    if Access.WRITE in held:
        seen = 0  # its own bytes are its own to change
    reading = Step(task=task, operation=Operation.READ8, address=address, observe=seen)
    if Access.READ in held:
        yield Attempt(name=f"{label}/may-read", step=reading)
    else:
        yield Attempt(name=f"{label}/read", step=reading, denied=SYSTEM_KINDS, address=address)
    if Access.WRITE in held:
        rewriting = Step(task=task, operation=Operation.REWRITE8, address=address, observe=seen)
        yield Attempt(name=f"{label}/may-write", step=rewriting)
    else:
        writing = Step(task=task, operation=Operation.WRITE8, address=address, value=0xA5, observe=seen)
        yield Attempt(name=f"{label}/write", step=writing, denied=SYSTEM_KINDS, address=address)
    if execute and Access.EXECUTE not in held:
        running = Step(task=task, operation=Operation.EXECUTE, address=address & ~1)
        yield Attempt(name=f"{label}/execute", step=running, denied=frozenset({Kind.EXECUTE}), address=address & ~1)


def everywhere(scene: Scene) -> Iterator[Attempt]:
    """Every task against every block, gap and kernel byte worth the name, its own included."""
    for task in scene.partition_of:
        for what, piece in blocks(scene):
            device = what in {device.name for device in scene.image.system.target.peripherals}
            yield from touch(scene, task, what, piece, observe=not device)
        for what, piece in (*gaps(scene), *kernel(scene), *aliases(scene)):
            # The kernel's own variables change while it works: there only the denial shows.
            yield from touch(scene, task, what, piece, observe=what != "kernel-data")


def widths(scene: Scene) -> Iterator[Attempt]:
    """Halfwords, words and atomic accesses, which take other paths through a core than bytes do."""
    reads, writes = (Operation.READ16, Operation.READ32), (Operation.WRITE16, Operation.WRITE32, Operation.EXCLUSIVE)
    for task, owner in scene.partition_of.items():
        name = scene.partitions[owner]
        for what, piece in blocks(scene):
            for address in (piece.base + 3 & ~3, piece.end - 4 & ~3):
                held = scene.held(name, address)
                if address not in piece or scene.device(address):
                    continue
                for operation in (*reads, *writes):
                    label = f"{name}/{what}/{address:#x}/{operation.name.lower()}"
                    step = Step(task=task, operation=operation, address=address, value=0xA5A5_A5A5, observe=address)
                    if operation in reads and Access.READ in held:
                        yield Attempt(name=label, step=step)
                    elif operation in reads or Access.WRITE not in held:
                        yield Attempt(name=label, step=step, denied=SYSTEM_KINDS, address=address)


def edges(scene: Scene, partition: str | None = None, more: Sequence[Slot] = ()) -> Iterator[Attempt]:
    """Both sides of every edge that a region of anybody has, by every task or those of one partition.

    Permissions change nowhere else, so a region that is a little too large, too small or too permissive shows here.
    ``more`` is a register file that is not in the plan.
    """
    found = edge_addresses(scene, more)
    for task, owner in scene.partition_of.items():
        name = scene.partitions[owner]
        for address in found if partition in (None, name) else ():
            seen = address if scene.in_memory(address) else 0
            yield from at(scene, task, name, f"edge-{address:#x}", address, seen, execute=not address & 1)


def hostile_stacks(scene: Scene) -> Iterator[Attempt]:
    """Stack pointers that lead elsewhere, at a call and at preemption, and a stack that runs over.

    Arm saves registers where the stack pointer leads, so that it must be refused; RISC-V saves none, and neither may
    the kernel.
    """
    kinds = frozenset[Kind]() if scene.image.plan.unit is UnitName.PMP else STACK_KINDS
    # Another value each time: what an attack before left where this one stores would hide it.
    values = (0x0101_0101 * (number % 0xFF + 1) for number in count())
    for task, stack in scene.stacks.items():
        name = scene.partitions[scene.partition_of[task]]
        targets = {f"{other}-top": foreign.end for other, foreign in other_stacks(scene, task)}
        targets |= {f"{other}-bottom": foreign.base for other, foreign in other_stacks(scene, task)}
        targets |= {
            "below-own": stack.base,
            "one-word-short": stack.base + 24,
            "beyond-own": stack.end + 64,
            "own-code": scene.image.symbols[f"{scene.tasks[task]}_main"] & ~7,
            "kernel-stack": scene.image.symbols["__lp_kernel_stack_end"],
            "kernel-data": scene.image.symbols["__lp_kernel_data_end"] & ~7,
            "zero": 0,
            "top": 0xFFFF_FFF8,
        }
        for what, address in targets.items():
            below = address - 8
            # A frame in the attacker's own memory may well be written: its own bytes are its own to lose.
            foreign = scene.in_memory(below) and Access.WRITE not in scene.held(name, below)
            seen = below if foreign and what != "kernel-stack" else 0
            number = Operation.STACK_POINTER_CALL
            call = Step(task=task, operation=number, address=address, value=next(values), observe=seen)
            yield Attempt(name=f"{name}/stack-pointer/{what}/call", step=call, denied=kinds)
            spin = Step(task=task, operation=Operation.STACK_POINTER_SPIN, address=address, value=20000, observe=seen)
            yield Attempt(name=f"{name}/stack-pointer/{what}/preempted", step=spin, denied=kinds)
        # The frame just fits, and nothing may be stored below it: there lies somebody else's memory.
        for below in (4, 32):
            step = Step(
                task=task,
                operation=Operation.STACK_POINTER_CALL,
                address=stack.base + 32,
                value=next(values),
                observe=stack.base - below if scene.in_memory(stack.base - below) else 0,
            )
            yield Attempt(name=f"{name}/stack-pointer/just-fits-{below}/call", step=step)
        for seen in below_stack(scene, task):
            overflow = Step(task=task, operation=Operation.OVERFLOW, value=next(values), observe=seen)
            yield Attempt(name=f"{name}/overflow/{stack.base - seen}", step=overflow, denied=STACK_KINDS)


def below_stack(scene: Scene, task: int) -> list[int]:
    """Bytes below the task's stack that an overflow would reach first: near ones, and the last of the next two blocks.

    A memory's end stops it, and what it may write is its own to lose.
    """
    base, name = scene.stacks[task].base, scene.partitions[scene.partition_of[task]]
    memory = next(memory.range for memory in scene.image.system.target.memories if base in memory.range)
    ends = sorted((placement.granted.end for placement in scene.image.plan.placements), reverse=True)
    near = [base - distance for distance in (1, 4, 16, 64, 256)]
    last = [end - 1 for end in ends if end <= base][:2]
    return [
        address
        for address in dict.fromkeys((*near, *last))
        if address in memory and Access.WRITE not in scene.held(name, address)
    ]


def other_stacks(scene: Scene, task: int) -> Iterator[tuple[str, AddressRange]]:
    """The other tasks' stacks."""
    for other, stack in scene.stacks.items():
        if other != task:
            yield scene.tasks[other], stack


def hostile_calls(scene: Scene) -> Iterator[Attempt]:
    """Pointers and numbers that no call may take, and those that it must."""
    for task, partition in scene.partition_of.items():
        name = scene.partitions[partition]
        for what, piece in blocks(scene):
            held = scene.held(name, piece.base)
            step = Step(task=task, operation=Operation.SEND, address=piece.base, value=4)
            if Access.RW in held:
                yield Attempt(name=f"{name}/send/{what}", step=step)
            else:
                yield Attempt(name=f"{name}/send/{what}", step=step, value=REFUSED)
        own = next(piece for what, piece, rights in scene.grants[name] if what == f"{name}.data" and rights)
        pointers = {
            "across-the-end": (own.last, 2),
            "across-the-start": (own.base - 1, 2),
            "nothing": (own.base, 0),
            "all-of-memory": (0, 0xFFFF_FFFF),
            "wraps": (own.base, 0x1_0000_0000 - own.base + 4),
            "wraps-to-itself": (own.base, 0xFFFF_FFFF),
            "kernel": (scene.image.symbols["__lp_kernel_data_start"], 4),
            "zero": (0, 4),
        }
        for what, (address, length) in pointers.items():
            step = Step(task=task, operation=Operation.SEND, address=address, value=length)
            yield Attempt(name=f"{name}/send/{what}", step=step, value=REFUSED)
        for number in (6, 7, 0xFF, 0x102, 0x8000_0000, 0xFFFF_FFFF):
            step = Step(task=task, operation=Operation.CALL, address=number, value=own.base)
            yield Attempt(name=f"{name}/call/{number:#x}", step=step, value=REFUSED)


def restarts(scene: Scene) -> Iterator[Attempt]:
    """After a restart a partition's memory is as it was at boot, and everybody else's as it was before."""
    ring = scene.image.symbols["__lp_shared_ring_start"]
    writer = next(task for task in scene.partition_of if Access.WRITE in scene.held(scene.tasks[task], ring))

    def attempt(label: str, task: int, operation: Operation, address: int, value: int, expected: int) -> Attempt:
        step = Step(task=task, operation=operation, address=address, value=value)
        return Attempt(name=f"{name}/restart/{label}", step=step, value=expected)

    for task in scene.partition_of:
        name = scene.tasks[task]
        statics = {
            part.role: placement.granted.base + part.offset
            for placement in scene.image.plan.placements
            for part in placement.block.parts
            if part.component == name and part.role in (Role.DATA, Role.BSS, Role.HEAP)
        }
        neighbour = (task + 1) % len(scene.tasks)
        theirs = scene.bss(neighbour)
        yield attempt("mark-neighbour", neighbour, Operation.WRITE32, theirs, 0x3C3C_3C3C, 0x3C3C_3C3C)
        yield attempt("mark-share", writer, Operation.WRITE32, ring, 0x5A5A_5A5A, 0x5A5A_5A5A)
        for role, address in statics.items():
            yield attempt(f"spoil-{role}", task, Operation.WRITE32, address + 4, 0xBAD, 0xBAD)
        step = Step(task=task, operation=Operation.REPORT, value=5, response=Response.RESTART)
        yield Attempt(name=f"{name}/restart/restart", step=step, denied=frozenset({Kind.REPORTED}), address=5)
        yield attempt("statics", task, Operation.OWN_STATICS, 0, 0, INITIAL_STATICS)
        for role, address in statics.items():
            if role is not Role.DATA:
                yield attempt(f"zero-{role}", task, Operation.READ32, address + 4, 0, 0)
        yield attempt("registers", task, Operation.LEFT_AT_START, 0, 0, 0)
        yield attempt("neighbour-kept", neighbour, Operation.READ32, theirs, 0, 0x3C3C_3C3C)
        yield attempt("share-kept", writer, Operation.READ32, ring, 0, 0x5A5A_5A5A)


def privileged(scene: Scene) -> Iterator[Attempt]:
    """Instructions and registers that only the kernel may use."""
    riscv = scene.image.machine.target == RISCV32  # the plan has no unit where isolation is off
    for task in scene.partition_of:
        yield from privileged_on_riscv(scene, task) if riscv else privileged_on_arm(scene, task)


def instruction(scene: Scene, task: int, number: int, what: str, *kinds: Kind, value: int | None = None) -> Attempt:
    """One privileged instruction of ``rust/prober.rs``, by its number there."""
    step = Step(task=task, operation=Operation.PRIVILEGED, address=number)
    return Attempt(name=f"{scene.tasks[task]}/privileged/{what}", step=step, denied=frozenset(kinds), value=value)


def privileged_on_riscv(scene: Scene, task: int) -> Iterator[Attempt]:
    """Every one of them traps (privileged ISA 2.1)."""
    names = ("mstatus", "mscratch", "mtvec", "pmpcfg0", "pmpaddr0", "unimplemented", "", "mret", "mie", "mhartid")
    for number, what in enumerate(names):
        if what:
            yield instruction(scene, task, number, what, Kind.INSTRUCTION)
    yield instruction(scene, task, 6, "breakpoint", Kind.BREAKPOINT)
    yield instruction(scene, task, 10, "semihosting", Kind.BREAKPOINT)


def privileged_on_arm(scene: Scene, task: int) -> Iterator[Attempt]:
    """Unprivileged writes to these registers are ignored and, but for CONTROL, read as zero (Armv7-M ARM B5.2)."""
    yield instruction(scene, task, 0, "control", value=3)
    for number, what in enumerate(("primask", "basepri", "faultmask", "msp"), start=1):
        yield instruction(scene, task, number, what, value=0)
    yield instruction(scene, task, 5, "undefined", Kind.INSTRUCTION)
    yield instruction(scene, task, 6, "breakpoint", Kind.BREAKPOINT)
    yield instruction(scene, task, 7, "semihosting", Kind.BREAKPOINT)
    if scene.image.plan.unit is UnitName.ARMV8M:
        yield from non_secure(scene, task)
    name = scene.tasks[task]
    for code in (0xFFFF_FFF1, 0xFFFF_FFF9, 0xFFFF_FFFD, 0xFFFF_FFE9, 0xFFFF_FFFF):
        step = Step(task=task, operation=Operation.EXECUTE, address=code)
        kinds = frozenset({Kind.EXECUTE, Kind.INSTRUCTION, Kind.BUS})
        yield Attempt(name=f"{name}/privileged/exception-return-{code:#x}", step=step, denied=kinds)
    for what, address in PRIVATE.items():
        for operation in (Operation.READ32, Operation.WRITE32):
            step = Step(task=task, operation=operation, address=address)
            yield Attempt(name=f"{name}/privileged/{what}/{operation.name.lower()}", step=step, denied=SYSTEM_KINDS)


def non_secure(scene: Scene, task: int) -> Iterator[Attempt]:
    """Leaving Secure state: no address is Non-secure, so the fetch that follows is refused (SecureFault, escalated)."""
    for number, what in ((9, "bxns"), (10, "blxns")):
        for target in (0, scene.image.symbols["Reset"] & ~1, 0x2000_0000):
            step = Step(task=task, operation=Operation.PRIVILEGED, address=number, value=target)
            kinds = frozenset({Kind.BREAKPOINT, Kind.INSTRUCTION, Kind.EXECUTE})
            yield Attempt(name=f"{scene.tasks[task]}/privileged/{what}-{target:#x}", step=step, denied=kinds)


def registers(scene: Scene) -> Iterator[Attempt]:
    """Nothing of another partition is in the registers, at the start or after a call."""
    for task in scene.partition_of:
        name = scene.tasks[task]
        fresh = Step(task=task, operation=Operation.LEFT_AT_START)
        yield Attempt(name=f"{name}/registers/at-start", step=fresh, value=0)
        marks = Step(task=task, operation=Operation.MARKS, value=0x1000_0000 * (task + 1))
        yield Attempt(name=f"{name}/registers/kept", step=marks, value=0)


def floating_point(scene: Scene) -> Iterator[Attempt]:
    """Nothing of another partition is in the FP registers, and one's own come back."""
    for task in scene.partition_of:
        name = scene.tasks[task]
        for other in scene.partition_of:
            marks = Step(task=other, operation=Operation.FP_MARKS, value=0x4000_0000 + other)
            yield Attempt(name=f"{name}/fp/marks-{other}", step=marks, value=0)
            if other != task:
                # The task begins again, so that it has no FP state of its own, and reads the registers at once.
                fresh = Step(task=task, operation=Operation.REPORT, value=3)
                yield Attempt(name=f"{name}/fp/fresh", step=fresh, denied=frozenset({Kind.REPORTED}), address=3)
                left = Step(task=task, operation=Operation.FP_LEFT)
                yield Attempt(name=f"{name}/fp/left-by-{scene.tasks[other]}", step=left, value=0)


def in_context(scene: Scene, attempts: Iterable[Attempt], context: str) -> Iterator[Attempt]:
    """The same attempts, each after a preparation: ``several`` switches, ``preempted``, or another's ``restart``.

    In ``faulted`` the other is restarted for a write to the attacker's memory, in ``restart`` by its own report.
    """
    count = len(scene.tasks)
    for attempt in attempts:
        task = attempt.step.task
        others = [other for other in range(count) if other != task]
        name = f"{context}/{attempt.name}"
        if context == "several":
            for other in others:
                step = Step(task=other, operation=Operation.SPIN, value=1)
                yield Attempt(name=f"{name}/prepare", step=step)
        elif context == "preempted":
            step = Step(task=task, operation=Operation.SPIN, value=20000)
            yield Attempt(name=f"{name}/prepare", step=step, least_turns=2 if others else 0)
        elif context == "restart":
            victim = others[attempt.step.address // 4 % len(others)]
            step = Step(task=victim, operation=Operation.REPORT, value=7, response=Response.RESTART)
            reported = frozenset({Kind.REPORTED})
            yield Attempt(name=f"{name}/prepare", step=step, denied=reported, address=7)
        elif context == "faulted":
            victim = others[attempt.step.address // 4 % len(others)]
            mine = scene.stacks[task].base
            step = Step(task=victim, operation=Operation.WRITE8, address=mine, response=Response.RESTART, observe=mine)
            yield Attempt(name=f"{name}/prepare", step=step, denied=DATA_KINDS, address=mine)
        yield replace(attempt, name=name)
