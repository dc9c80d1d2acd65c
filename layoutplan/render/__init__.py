"""Floor 4: a plan as files that the linker, rustc and people read. Takes no decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import Machine
from layoutplan.model.component import System
from layoutplan.model.plan import Plan
from layoutplan.render.files import write_if_changed
from layoutplan.render.identity import plan_hash
from layoutplan.render.lock import lock_text

__all__ = ["LinkStyle", "Table", "lock_text", "plan_hash", "render", "write_if_changed"]

LinkStyle = Literal["standalone", "cortex-m-rt", "riscv-rt"]
Table = Literal["words", "gale"]


def render(
    system: System, plan: Plan, *, link_style: LinkStyle = "standalone", table: Table = "words"
) -> Mapping[str, str]:
    """The linker script (``layout.ld`` or ``memory.x``) and ``region_table.rs``, by file name.

    With ``table="gale"`` also ``gale_table.rs``, the same plan for gale's ``mpu_switch``. ``BadInput`` for a style or a
    table that does not fit the target.
    """
    from layoutplan.render.gale import gale_table, gale_text
    from layoutplan.render.script import DEBUG_SECTIONS, script
    from layoutplan.render.table import region_table
    from layoutplan.render.templates import fill

    gale = gale_table(system, plan) if table == "gale" else None
    limits = None if gale is None else (gale.kernel_code.end, gale.kernel_data.end)
    if link_style == "standalone":
        name, text = (
            "layout.ld",
            fill("layout.ld.j2", script=script(system, plan, limits=limits), debug_sections=DEBUG_SECTIONS),
        )
    else:
        _fit(system, link_style)
        prepared = script(system, plan, limits=limits, beside_runtime=True)
        name, text = "memory.x", fill("memory.x.j2", script=prepared, style=link_style)
    files = {name: text, "region_table.rs": region_table(system, plan)}
    return files if gale is None else {**files, "gale_table.rs": gale_text(gale)}


def _fit(system: System, link_style: LinkStyle) -> None:
    """A run-time crate is for one instruction set."""
    machine = Machine.ARM if link_style == "cortex-m-rt" else Machine.RISCV
    if system.target.machine is not machine:
        text = f"--link-style {link_style} is for {machine.value}, and the target is {system.target.machine.value}"
        able = "riscv-rt" if machine is Machine.ARM else "cortex-m-rt"
        hint = f"say --link-style {able}, or leave it out"
        raise BadInput([Fault(code="link-style", message=text, where=system.location("target"), hint=hint)])
