"""Every attack on a plan, made from the plan: who tries what, where, and what has to become of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from layoutplan.address import AddressRange, subtract
from layoutplan.model.access import Access
from layoutplan.model.component import Role
from tests.hardware.build import Image
from tests.hardware.steps import NOWHERE, Kind, Operation, Outcome, Response, Step

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A step and what must become of it: one of the ``denied`` kinds, or, where that is empty, completion.

    ``address`` is the fault address that must be reported, ``value`` the result that must come back, both only where
    given. An observed byte must stay as it was unless ``changes``.
    """

    name: str
    step: Step
    denied: frozenset[Kind] = frozenset()
    address: int | None = None
    value: int | None = None
    changes: bool = False
    least_turns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What attacks are made from: the image's tasks, who holds which bytes, and where everything else lies."""

    image: Image
    tasks: tuple[str, ...]
    partitions: tuple[str, ...]
    partition_of: Mapping[int, int]
    stacks: Mapping[int, AddressRange]
    grants: Mapping[str, tuple[tuple[str, AddressRange, Access], ...]] = field(repr=False)

    def held(self, partition: str, address: int) -> Access:
        """What the plan lets ``partition`` do at ``address``."""
        access = Access.NONE
        for _, piece, rights in self.grants[partition]:
            if address in piece:
                access |= rights
        return access


def scene(image: Image) -> Scene:
    """Read the plan of ``image``."""
    system, plan = image.system, image.plan
    partitions = tuple(sorted(partition.name for partition in system.partitions))
    tasks = tuple(sorted(task.name for task in system.tasks))
    home = {task.name: task.partition for task in system.tasks}
    grants: dict[str, list[tuple[str, AddressRange, Access]]] = {name: [] for name in partitions}
    stacks = {}
    for placement in plan.placements:
        for name, rights in placement.block.granted_to.items():
            grants[name].append((placement.block.name, placement.granted, rights))
        for part in placement.block.parts:
            if part.role is Role.STACK:
                where = AddressRange.of(placement.granted.base + part.offset, part.size)
                stacks[tasks.index(part.name.removesuffix(".stack"))] = where
    for grant in plan.peripherals:
        grants[grant.partition].extend((grant.name, piece, Access.RW) for piece in grant.cover)
    return Scene(
        image=image,
        tasks=tasks,
        partitions=partitions,
        partition_of={index: partitions.index(home[name]) for index, name in enumerate(tasks)},
        stacks=stacks,
        grants={name: tuple(rows) for name, rows in grants.items()},
    )


def points(piece: AddressRange) -> dict[str, int]:
    """First, last and one inside."""
    return {"first": piece.base, "inside": piece.base + piece.size // 2, "last": piece.last}


def touch(scene: Scene, task: int, what: str, piece: AddressRange, *, observe: bool = True) -> Iterator[Attempt]:
    """Read, write and execute at the edges of ``piece``; what the plan grants must work, the rest must not."""
    name = scene.partitions[scene.partition_of[task]]
    for where, address in points(piece).items():
        held = scene.held(name, address)
        label = f"{name}/{what}/{where}"
        seen = address if observe else 0
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
        if Access.EXECUTE not in held and where == "first":
            running = Step(task=task, operation=Operation.EXECUTE, address=address & ~1)
            kinds = frozenset({Kind.EXECUTE})
            yield Attempt(name=f"{label}/execute", step=running, denied=kinds, address=address & ~1)


def blocks(scene: Scene) -> Iterator[tuple[str, AddressRange]]:
    """Every block with its padding, and every peripheral that somebody holds."""
    for placement in scene.image.plan.placements:
        yield placement.block.name, placement.granted
        if placement.padding:
            yield f"{placement.block.name}-padding", AddressRange(placement.used.end, placement.granted.end)
    for grant in scene.image.plan.peripherals:
        yield grant.name, grant.range


def gaps(scene: Scene) -> Iterator[tuple[str, AddressRange]]:
    """Bytes of the memories that nobody owns, or the kernel."""
    granted = [placement.granted for placement in scene.image.plan.placements]
    for memory in scene.image.system.target.memories:
        for number, gap in enumerate(subtract(memory.range, granted)):
            yield f"{memory.name}-gap-{number}", gap


def kernel(scene: Scene) -> Iterator[tuple[str, AddressRange]]:
    """The kernel's own, by symbol: code, vectors, table, stack, saved contexts."""
    symbols = scene.image.symbols
    for name in ("LP_DYNAMIC", "LP_GRANTS", "LP_TASKS", "LP_ENTRIES", "LP_STEPS", "__lp_hash", "__lp_init_start"):
        yield name, AddressRange.of(symbols[name], 8)
    yield "kernel-stack", AddressRange(symbols["__lp_kernel_stack_start"], symbols["__lp_kernel_stack_end"])
    yield "kernel-data", AddressRange(symbols["__lp_kernel_data_start"], symbols["__lp_kernel_bss_end"])
    for name, address in symbols.items():
        if name.endswith(("LP_TCB_CONTEXTS", "LP_TCB_RECORDS", "INTERRUPTED", "RUNNING")):
            yield name, AddressRange.of(address, 8)


def aliases(scene: Scene) -> Iterator[tuple[str, AddressRange]]:
    """Second addresses of the blocks' bytes."""
    for name, piece in blocks(scene):
        for number, alias in enumerate(scene.image.system.target.aliases):
            inside = piece.intersection(alias.target)
            if inside is not None:
                base = alias.view.base + (inside.base - alias.target.base) * alias.scale
                yield f"{name}-alias-{number}", AddressRange.of(base, inside.size * alias.scale)


def everywhere(scene: Scene) -> Iterator[Attempt]:
    """Every task against every block, gap and kernel byte worth the name, its own included."""
    for task in scene.partition_of:
        for what, piece in blocks(scene):
            device = what in {grant.name for grant in scene.image.plan.peripherals}
            yield from touch(scene, task, what, piece, observe=not device)
        for what, piece in (*gaps(scene), *kernel(scene), *aliases(scene)):
            yield from touch(scene, task, what, piece)


def hostile_stacks(scene: Scene) -> Iterator[Attempt]:
    """Stack pointers that lead elsewhere, at a call and at preemption, and a stack that runs over."""
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
            seen = below if 0 < address < 0xF000_0000 and Access.WRITE not in scene.held(name, below) else 0
            call = Step(task=task, operation=Operation.STACK_POINTER_CALL, address=address, observe=seen)
            yield Attempt(name=f"{name}/stack-pointer/{what}/call", step=call, denied=STACK_KINDS)
            spin = Step(task=task, operation=Operation.STACK_POINTER_SPIN, address=address, value=20000, observe=seen)
            yield Attempt(name=f"{name}/stack-pointer/{what}/preempted", step=spin, denied=STACK_KINDS)
        # The frame just fits, and nothing may be stored below it: there lies somebody else's memory.
        for below in (4, 32):
            seen = stack.base - below
            step = Step(task=task, operation=Operation.STACK_POINTER_CALL, address=stack.base + 32, observe=seen)
            yield Attempt(name=f"{name}/stack-pointer/just-fits-{below}/call", step=step)
        overflow = Step(task=task, operation=Operation.OVERFLOW, observe=stack.base - 4)
        yield Attempt(name=f"{name}/overflow", step=overflow, denied=STACK_KINDS)


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


def privileged(scene: Scene) -> Iterator[Attempt]:
    """Instructions and registers that only the kernel may use."""
    for task in scene.partition_of:
        name = scene.tasks[task]

        def attempt(what: str, step: Step, *kinds: Kind, value: int | None = None, name: str = name) -> Attempt:
            return Attempt(name=f"{name}/privileged/{what}", step=step, denied=frozenset(kinds), value=value)

        def instruction(number: int, value: int, task: int = task) -> Step:
            return Step(task=task, operation=Operation.PRIVILEGED, address=number, value=value)

        # Unprivileged writes to these registers are ignored and, but for CONTROL, reads give zero (Armv7-M ARM B5.2).
        control = instruction(0, 0)
        yield attempt("control", control, value=3)
        yield attempt("primask", instruction(1, 0), value=0)
        yield attempt("basepri", instruction(2, 0x80), value=0)
        yield attempt("faultmask", instruction(3, 0), value=0)
        yield attempt("msp", instruction(4, 0x2000_0000), value=0)
        yield attempt("undefined", instruction(5, 0), Kind.INSTRUCTION)
        yield attempt("breakpoint", instruction(6, 0), Kind.BREAKPOINT)
        yield attempt("semihosting", instruction(7, 0x20026), Kind.BREAKPOINT)
        for code in (0xFFFF_FFF1, 0xFFFF_FFF9, 0xFFFF_FFFD, 0xFFFF_FFE9, 0xFFFF_FFFF):
            step = Step(task=task, operation=Operation.EXECUTE, address=code)
            yield attempt(f"exception-return-{code:#x}", step, Kind.EXECUTE, Kind.INSTRUCTION, Kind.BUS)
        for what, address in PRIVATE.items():
            for operation in (Operation.READ32, Operation.WRITE32):
                step = Step(task=task, operation=operation, address=address)
                yield attempt(f"{what}/{operation.name.lower()}", step, *SYSTEM_KINDS)


def registers(scene: Scene) -> Iterator[Attempt]:
    """Nothing of another partition is in the registers, at the start or after a call."""
    for task in scene.partition_of:
        name = scene.tasks[task]
        fresh = Step(task=task, operation=Operation.LEFT_AT_START)
        yield Attempt(name=f"{name}/registers/at-start", step=fresh, value=0)
        marks = Step(task=task, operation=Operation.MARKS, value=0x1000_0000 * (task + 1))
        yield Attempt(name=f"{name}/registers/kept", step=marks, value=0)


def in_context(scene: Scene, attempts: Iterable[Attempt], context: str) -> Iterator[Attempt]:
    """The same attempts, each after a preparation: ``several`` switches, ``preempted``, or another's ``restart``."""
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
        yield replace(attempt, name=name)


def violations(scene: Scene, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The attempts that did not end as they must, by name, with what happened instead."""
    found = {}
    for index, attempt in enumerate(attempts):
        outcome = outcomes[index] if index < len(outcomes) else None
        wrong = "the firmware never came to it" if outcome is None else judge(scene, attempt, outcome)
        if wrong:
            found[attempt.name] = wrong
    return found


def judge(scene: Scene, attempt: Attempt, outcome: Outcome) -> str:
    """What is wrong with the outcome; empty when nothing is."""
    step = attempt.step
    kinds = attempt.denied or {Kind.COMPLETED}
    if outcome.kind not in kinds:
        wanted = " or ".join(kind.name for kind in sorted(kinds))
        return f"kind {outcome.kind:#x} at {outcome.address:#x} (value {outcome.value:#x}), not {wanted}"
    if outcome.partition != scene.partition_of[step.task]:
        return f"blamed on partition {outcome.partition}"
    if attempt.denied and attempt.address is not None and outcome.address not in (attempt.address, NOWHERE):
        return f"fault address {outcome.address:#x}, not {attempt.address:#x}"
    if attempt.denied and attempt.address is not None and outcome.address == NOWHERE:
        return "no fault address"
    if attempt.value is not None and outcome.value != attempt.value:
        return f"value {outcome.value:#x}, not {attempt.value:#x}"
    if step.observe and outcome.before != outcome.after and not attempt.changes:
        return f"the byte at {step.observe:#x} went from {outcome.before:#x} to {outcome.after:#x}"
    if outcome.turns < attempt.least_turns:
        return f"{outcome.turns} switches in between, not {attempt.least_turns}"
    return ""
