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

    ``BadInput`` for a style or table that does not fit the target.
    """
    from layoutplan.render.script import DEBUG_SECTIONS, script
    from layoutplan.render.table import region_table
    from layoutplan.render.templates import fill

    if table != "words":
        raise BadInput([Fault(code="not-yet", message=f"table `{table}` is not yet there")])
    if link_style == "standalone":
        name, text = "layout.ld", fill("layout.ld.j2", script=script(system, plan), debug_sections=DEBUG_SECTIONS)
    else:
        _fit(system, link_style)
        prepared = script(system, plan, beside_runtime=True)
        name, text = "memory.x", fill("memory.x.j2", script=prepared, style=link_style)
    return {name: text, "region_table.rs": region_table(system, plan)}


def _fit(system: System, link_style: LinkStyle) -> None:
    """A run-time crate is for one instruction set."""
    machine = Machine.ARM if link_style == "cortex-m-rt" else Machine.RISCV
    if system.target.machine is not machine:
        text = f"--link-style {link_style} is for {machine.value}, and the target is {system.target.machine.value}"
        raise BadInput([Fault(code="link-style", message=text, where=system.location("target"))])
