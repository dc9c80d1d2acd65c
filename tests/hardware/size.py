"""How many bytes of code the TCB takes, by part, compiled for size with a policy that does next to nothing.

``python -m tests.hardware.size`` prints the table of ``samples/switch_tcb/README.md``.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from tests.hardware.build import RUST, TCB, compiler, prober, rendered, run
from tests.hardware.machines import AN385, AN505, ARMV6M_ON_AN385, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet

MACHINES = (ARMV6M_ON_AN385, AN385, AN505, VIRT)
PARTS = {
    "boot": r"Reset|_start|::reset|::prepare|settle|slots|exchange|skip|boot_config|initialise|::store|::store",
    "entry, faults, switch": r"::entry|::handle|broken|halt|::answer|::clear|Hardware|interrupts",
    "decisions": r"decide::",
    "panics, integer division": r"panic|rust_begin_unwind|__aeabi|memset|memcpy|compiler_builtins",
}
"""Symbols, by what they are for; the compiler puts what one place calls into the caller."""


def parts(machine: Machine) -> Counter[str]:
    """Bytes of code by part."""
    flags = [word.replace("opt-level=2", "opt-level=s") for word in compiler(machine)]
    manifest = quartet(machine)
    objects = {name: prober(machine, name) for name in QUARTET}
    for name, path in objects.items():
        manifest = manifest.replace(f"${{{name}}}", str(path))
    plan = rendered(manifest)
    with tempfile.TemporaryDirectory() as folder:
        library, elf = Path(folder) / "libswitch_tcb.rlib", Path(folder) / "firmware.elf"
        source = TCB / "src" / "lib.rs"
        run([*flags, "--crate-name", "switch_tcb", "--crate-type", "rlib", "-o", library, source])
        link = ["-C", f"linker={machine.linker}", "-C", "linker-flavor=ld", "-C", f"link-arg=-T{plan}/layout.ld"]
        inputs = [word for path in (*objects.values(), *machine.linker_options) for word in ("-C", f"link-arg={path}")]
        end: list[str | Path] = ["--extern", f"switch_tcb={library}", "-o", elf, RUST / "minimal.rs"]
        run([*flags, "--crate-name", "board", *link, *inputs, *end], {**os.environ, "OUT_DIR": str(plan)})
        listing = subprocess.run([machine.nm, "-S", "-C", elf], capture_output=True, text=True, check=True).stdout
    found: Counter[str] = Counter()
    for size, name in re.findall(r"^[0-9a-f]+ ([0-9a-f]+) [tTwW] (.*)$", listing, re.MULTILINE):
        if "prober" in name or name.endswith("_main") or not _of_kernel(name):
            continue
        part = next((part for part, pattern in PARTS.items() if re.search(pattern, name)), "other")
        found[part] += int(size, 16)
    return found


def _of_kernel(name: str) -> bool:
    """Components are sealed: their copies of the runtime have symbols too, but none of these."""
    return re.search(r"switch_tcb|board|panic|rust_begin|Reset|_start|__aeabi|mem(set|cpy)", name) is not None


def table() -> str:
    """Markdown."""
    columns = [parts(machine) for machine in MACHINES]
    names = [name for name in (*PARTS, "other") if any(column[name] for column in columns)]
    lines = [f"| bytes | {' | '.join(machine.name for machine in MACHINES)} |", "|---|---|---|---|---|"]
    lines += [f"| {name} | {' | '.join(str(column[name]) for column in columns)} |" for name in names]
    lines.append(f"| all | {' | '.join(str(column.total()) for column in columns)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - this is the command's output
