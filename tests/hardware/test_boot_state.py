"""What a boot loader leaves behind opens nothing: the TCB puts it right, or does not start."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.hardware.build import image, patched
from tests.hardware.machines import AN385, AN386, VIRT, Machine
from tests.hardware.manifests import DEVICES, QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import HALT_REFUSED_SLOTS, Kind, Operation, Step
from tests.hardware.verdict import Attempt, violations
from tests.toolchain import ARMV7M

CPACR, SHPR1 = 0xE000_ED88, 0xE000_ED18
USE_FPU, SAVE_LATER, READ_FPU = 11, 13, 12
"""Instructions of ``rust/prober.rs``, by their numbers there."""


def staged(machine: Machine) -> Scene:
    return scene(image(machine, quartet(machine), QUARTET))


def loaded(file: Path, address: int, *more: str) -> tuple[str, ...]:
    return "-device", ",".join((f"loader,file={file},addr={address:#x},force-raw=on", *more))


def test_an_fpu_that_is_on_and_that_nobody_saves_is_switched_off() -> None:
    """Lazy stacking would store the attacker's registers where its stack pointer led, by the victim's regions."""
    stage = staged(replace(AN386, target=ARMV7M, cfg=()))
    attacker, victim = stage.tasks.index("carol"), stage.tasks.index("alpha")
    stack_pointer = stage.stacks[victim].base + 200 & ~7
    stored = stack_pointer - 104 + 32  # s0, behind the eight words of the basic frame

    def use(task: int, number: int, value: int = 0, observe: int = 0) -> Attempt:
        step = Step(task=task, operation=Operation.PRIVILEGED, address=number, value=value, observe=observe)
        return Attempt(name=f"{task}/{number}", step=step, denied=frozenset({Kind.INSTRUCTION}))

    attempts = [
        use(attacker, USE_FPU, 0x3800_0000),
        use(attacker, SAVE_LATER, stack_pointer),
        use(victim, READ_FPU, observe=stored),
    ]
    left = ("-device", f"loader,addr={CPACR:#x},data={0xF << 20:#x},data-len=4")
    outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], options=left)
    assert violations(stage, attempts, outcomes) == {}


def test_no_exception_interrupts_another_whatever_their_priorities_were(tmp_path: Path) -> None:
    """A device that fires at the unmasking in `wait` would enter the kernel a second time, from inside it.

    Interrupts are off when the boot loader leaves, as many leave them.
    """
    stage = staged(AN385)
    bravo = stage.tasks.index("bravo")
    device = next(piece for name, piece, _ in stage.grants["bravo"] if name == DEVICES["an385"].timer)
    timer = [  # RELOAD, CTRL
        Step(task=bravo, operation=Operation.WRITE32, address=device.base + 8, value=37),
        Step(task=bravo, operation=Operation.WRITE32, address=device.base, value=0b1001),
    ]
    steps = [*timer, Step(task=bravo, operation=Operation.SPIN, value=300), Step(task=bravo, operation=Operation.WAIT)]
    attempts = [Attempt(name=f"step {number}", step=step) for number, step in enumerate(steps)]
    low = [(SHPR1, 0x00E0_E0E0), (SHPR1 + 4, 0xE000_0000), (SHPR1 + 8, 0xE0E0_0000)]
    loader, where = tmp_path / "loader.bin", 0x0020_0000
    loader.write_bytes(thumb_stores(low, then=stage.image.symbols["Reset"]))
    elf = patched(stage.image.elf, {4: [where | 1]}, tmp_path / "patched.elf")
    outcomes, run = stage.image.attack(steps, elf=elf, options=loaded(loader, where))
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0


def test_a_locked_pmp_entry_is_no_machine_to_start_on(tmp_path: Path) -> None:
    """It would let every partition reach everything that no entry before it decides."""
    stage = staged(VIRT)
    loader, where = tmp_path / "loader.bin", 0x8700_0000
    loader.write_bytes(locked_last_entry(then=0x8000_0000))
    step = Step(task=0, operation=Operation.SPIN, value=1)
    outcomes, _ = stage.image.attack([step], options=loaded(loader, where, "cpu-num=0"))
    assert [outcome.kind for outcome in outcomes] == [HALT_REFUSED_SLOTS]


def thumb_stores(pairs: Sequence[tuple[int, int]], then: int) -> bytes:
    """``ldr r0, …; ldr r1, …; str r1, [r0]`` for each address and value, then a branch, then the literals.

    Before the branch, ``cpsid i``.
    """
    literals = [word for pair in pairs for word in pair] + [then | 1]
    pool = 6 * len(pairs) + 6 + 3 & ~3
    code: list[int] = []
    for register, index in [(n % 2, n) for n in range(len(literals))]:
        at = 2 * len(code)
        code.append(0x4800 | register << 8 | (pool + 4 * index - (at + 4 & ~3)) // 4)
        code += [0x6001] if register else []
    code += [0xB672, 0x4700]  # cpsid i; bx r0
    return struct.pack(f"<{len(code)}H", *code).ljust(pool, b"\0") + struct.pack(f"<{len(literals)}I", *literals)


def locked_last_entry(then: int) -> bytes:
    """``pmpaddr15`` all ones; ``pmpcfg3`` NAPOT, read, write, execute, locked; a jump to ``then``."""
    t0, entry, config = 5, 0x3BF, 0x3A3
    words = (
        0xFFF << 20 | t0 << 7 | 0x13,  # addi t0, zero, -1
        entry << 20 | t0 << 15 | 1 << 12 | 0x73,  # csrw pmpaddr15, t0
        0x9F << 24 | t0 << 7 | 0x37,  # lui t0, …
        config << 20 | t0 << 15 | 1 << 12 | 0x73,  # csrw pmpcfg3, t0
        then | t0 << 7 | 0x37,
        t0 << 15 | 0x67,  # jr t0
    )
    return struct.pack(f"<{len(words)}I", *words)
