"""From a manifest to an image under attack: prober objects, plan, table, firmware. Cached by content."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from filelock import FileLock

from layoutplan.check import check_plan
from layoutplan.inputs import measure, read_manifest
from layoutplan.model.component import Component, System
from layoutplan.model.plan import Infeasible, OutOfEffort, Plan, Solved
from layoutplan.render import render
from layoutplan.seal import seal
from layoutplan.solve import solve
from tests.hardware.machines import Machine, Run
from tests.hardware.steps import Outcome, Step, decode, encode
from tests.toolchain import RISCV32, ROOT, rustc_for, sysroot

RUST = Path(__file__).parent / "rust"
TCB = ROOT / "samples" / "switch_tcb"
CACHE = ROOT / ".toolchain" / "hardware"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A linked firmware and the plan that it was linked by."""

    machine: Machine
    elf: Path
    system: System
    plan: Plan
    symbols: Mapping[str, int]

    def attack(
        self, steps: Sequence[Step], *, elf: Path | None = None, options: tuple[str, ...] = (), anywhere: bool = False
    ) -> tuple[list[Outcome], Run]:
        """Boot with ``steps`` and return what became of each; ``elf`` replaces the image by a patched one.

        The kernel observes no byte that it does not reach, unless ``anywhere``.
        """
        steps = [step if anywhere or self._reached(step.observe) else replace(step, observe=0) for step in steps]
        with tempfile.NamedTemporaryFile(suffix=".steps") as file:
            file.write(encode(steps))
            file.flush()
            where = self.symbols["LP_STEPS"]
            loader = ("-device", f"loader,file={file.name},addr={where:#x},force-raw=on")
            run = self.machine.run(elf or self.elf, options=(*loader, *options))
        return list(decode(run.output)), run

    def _reached(self, address: int) -> bool:
        own = [piece for region in self.plan.background for piece in region.ranges]
        return not own or any(address in piece for piece in own)


def run(command: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> None:
    """Run a build step; its talk is the assertion's message."""
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stderr}"


def cached(name: str, key: Sequence[str | bytes], build: Callable[[Path], None]) -> Path:
    """The folder that ``build`` filled for this ``key``; workers of one test run share it."""
    digest = hashlib.sha256()
    for part in key:
        digest.update(part if isinstance(part, bytes) else part.encode())
        digest.update(b"\0")
    folder = CACHE / f"{name}-{digest.hexdigest()[:20]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            new = folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            build(new)
            new.rename(folder)
    return folder


def sources(*folders: Path) -> list[bytes]:
    """The content of every Rust file below ``folders``."""
    return [
        file.read_bytes() for folder in folders for file in sorted(folder.rglob("*.rs")) if "target" not in file.parts
    ]


def compiler(machine: Machine) -> list[str]:
    """The start of a compiler command line with the settings that all of the firmware shares."""
    checks = ["--check-cfg=cfg(fpu)", "--check-cfg=cfg(armv6m)", "--check-cfg=cfg(armv8m)", "--check-cfg=cfg(test)"]
    flags = ["--edition", "2024", "-Cpanic=abort", "-Copt-level=2", "-Ccodegen-units=1", "-Cembed-bitcode=no"]
    return [*rustc_for(machine.target), *flags, *checks, *(f"--cfg={name}" for name in machine.cfg), "-Dwarnings"]


def prober(
    machine: Machine, component: str, program: str = "prober.rs", *, safety: str = "", captures: str = ""
) -> Path:
    """A sealed prober whose entry is ``<component>_main``.

    ``safety`` is what its safety manifest says; ``captures`` names what it brings to be run privileged.
    """
    if machine.attacker:
        machine = replace(machine, target=machine.attacker, cfg=())
    runtime = sysroot(machine.target) / "lib" / "rustlib" / machine.target / "lib"
    arch = "riscv" if machine.target == RISCV32 else "arm"
    checks = [f"--check-cfg=cfg(captures_{what})" for what in ("calls", "vectors", "startup")]
    extra = [f"--cfg=captures_{captures}"] if captures else []
    command = [*compiler(machine), *checks, *extra, "--crate-type", "lib", "--crate-name", "prober"]

    def build(out: Path) -> None:
        loose = out / "loose.o"
        run([*command, "--emit", f"obj={loose}", RUST / program])
        run([machine.objcopy, "--redefine-sym", f"prober_main={component}_main", loose])
        libraries = (*runtime.glob("libcore*.rlib"), *runtime.glob("libcompiler_builtins*.rlib"))
        described = Component(name=component, partition=component, entry=f"{component}_main")
        seal(described, (loose,), libraries, frozenset(), arch, out / f"{component}.o")
        if machine.attacker:
            # An attacker may execute what the plan's architecture has not.
            run([machine.objcopy, "-R", ".ARM.attributes", out / f"{component}.o"])
        if safety:
            (out / f"{component}.safety-manifest.json").write_text(safety)

    sealing = [file.read_bytes() for file in sorted((ROOT / "layoutplan" / "seal").glob("*.py"))]
    key: list[str | bytes] = [
        component,
        program,
        safety,
        machine.attacker,
        *command,
        *sources(RUST),
        *sealing,
        (TCB / "calls.rs").read_bytes(),
    ]
    return cached("prober", key, build) / f"{component}.o"


def tcb(machine: Machine, source: Path = TCB) -> Path:
    """The compiled switch TCB; ``source`` is its folder, or that of a mutant."""
    # The folder's name is in the messages of panics: without it a mutant has the size of the original.
    command = [*compiler(machine), "--crate-name", "switch_tcb", f"--remap-path-prefix={source}=switch_tcb"]

    def build(out: Path) -> None:
        run([*command, "--crate-type", "rlib", "-o", out / "libswitch_tcb.rlib", source / "src" / "lib.rs"])

    return cached("tcb", [*command[:-1], "remapped", *sources(source / "src")], build) / "libswitch_tcb.rlib"


class NoPlan(Exception):
    """The manifest has no plan; ``outcome`` says why."""

    def __init__(self, outcome: Infeasible | OutOfEffort) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


@functools.cache
def planned(manifest: Path) -> tuple[System, Plan]:
    """The plan of a manifest, accepted by the checker."""
    read = read_manifest(manifest, os.environ)
    system = measure(read.system, {component.name: component.objects for component in read.system.components})
    outcome = solve(system)
    if not isinstance(outcome, Solved):
        raise NoPlan(outcome)
    verdict = check_plan(system, outcome.plan)
    assert verdict.holds, verdict.findings
    return system, outcome.plan


def rendered(manifest: str) -> Path:
    """The folder with the manifest, its script and its table."""

    def build(out: Path) -> None:
        (out / "layout.toml").write_text(manifest)
        for name, text in render(*planned(out / "layout.toml")).items():
            (out / name).write_text(text)

    planner = [file.read_bytes() for file in sorted((ROOT / "layoutplan").rglob("*.py"))]
    templates = [file.read_bytes() for file in sorted((ROOT / "ld_templates").iterdir()) if file.is_file()]
    return cached("plan", [manifest, *planner, *templates], build)


def image(
    machine: Machine,
    manifest: str,
    components: Sequence[str],
    *,
    source: Path = TCB,
    make: Callable[[Machine, str], Path] = prober,
) -> Image:
    """Plan and link ``manifest``, in which ``${name}`` stands for the sealed prober of that component.

    ``make`` gives a component's sealed object.
    """
    library = tcb(machine, source)
    objects = [make(machine, component) for component in components]
    for component, path in zip(components, objects, strict=True):
        manifest = manifest.replace(f"${{{component}}}", str(path))
    plan_folder = rendered(manifest)
    shared = ROOT / "samples" / "flight_controller" / "firmware" / "src"
    board = [RUST / "board.rs", shared / "an505.rs", shared / "semihosting.rs"]

    def build(out: Path) -> None:
        link = ["-C", f"linker={machine.linker}", "-C", "linker-flavor=ld", "-C", f"link-arg=-T{plan_folder}/layout.ld"]
        inputs = [word for path in (*objects, *machine.linker_options) for word in ("-C", f"link-arg={path}")]
        output: list[str | Path] = ["--extern", f"switch_tcb={library}", "-o", out / "firmware.elf"]
        environ = {**os.environ, "OUT_DIR": str(plan_folder)}
        run([*compiler(machine), "--crate-name", "board", *link, *inputs, *output, RUST / "board.rs"], environ)

    contents = [file.read_bytes() for file in board]
    elf = cached("image", [str(plan_folder), str(library), *contents], build) / "firmware.elf"
    system, plan = planned(plan_folder / "layout.toml")
    return Image(machine=machine, elf=elf, system=system, plan=plan, symbols=symbols(elf))


def symbols(elf: Path) -> dict[str, int]:
    """The addresses of the image's symbols."""
    with elf.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}


def patched(elf: Path, patches: Mapping[int, Sequence[int]], out: Path) -> Path:
    """A copy of the image with other words where ``patches`` says, by load address: what a broken table would be."""
    content = bytearray(elf.read_bytes())
    with elf.open("rb") as file:
        loaded = [(s["p_paddr"], s["p_filesz"], s["p_offset"]) for s in ELFFile(file).iter_segments("PT_LOAD")]
    for address, words in patches.items():
        inside = [(base, offset) for base, size, offset in loaded if base <= address <= base + size - 4 * len(words)]
        assert len(inside) == 1, f"{len(inside)} segments are loaded at {address:#x}"
        [(base, offset)] = inside
        struct.pack_into(f"<{len(words)}I", content, offset + address - base, *words)
    out.write_bytes(content)
    return out
