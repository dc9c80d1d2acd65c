"""One relocatable object per component, of which the final link sees the entry and the exports and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterable
from pathlib import Path

from layoutplan.errors import BadInput, Fault
from layoutplan.model.component import Component
from layoutplan.objects import RelocatableObject, read_object, refusals
from layoutplan.seal.commons import definitions
from layoutplan.seal.inputs import LinkInputs, look_at, members
from layoutplan.seal.relocations import open_names
from layoutplan.seal.result import ALL, roots
from layoutplan.seal.settling import without_merging, without_relaxation
from layoutplan.seal.tools import Tool, Tools, find_tools
from layoutplan.seal.validation import kept, own_memory, own_prefix, violations

LINEAR_MEMORY_BASE = "__linear_memory_base"
"""What compiled wasm calls the start of its memory. Every component has its own."""

_DROPPED = (
    *(".llvmbc", ".llvmcmd", ".note.*", ".group"),
    *(".ARM.exidx*", ".ARM.extab*", ".eh_frame*"),  # unwinding: a component that panics stops
)
_LEAST_MESSAGES = 8


def seal(
    component: Component,
    objects: tuple[Path, ...],
    libraries: tuple[Path, ...],
    allowed_undefined: frozenset[str],
    machine: str,
    out: Path,
) -> Path:
    """Seal ``component`` into ``out`` and return it.

    Args:
        component: Gives the name, the entry and the exports.
        objects: Its objects and archives.
        libraries: Runtime archives, of which it gets its own copy of what it reaches.
        allowed_undefined: Names that the final link defines for it.
        machine: ``"arm"`` or ``"riscv"``.
        out: Where the object goes; the same inputs and tools give the same bytes wherever that is.

    Raises:
        BadInput: No tool, a damaged or unsuitable input, a missing entry, names that nobody may define, or anything
            that the result may not have in it (``validation``).
    """
    inputs = look_at(objects, libraries)
    tools = find_tools(machine)
    wanted = _visible(component, inputs)
    with tempfile.TemporaryDirectory(prefix="layoutplan-seal-") as folder:
        work = Path(folder)
        merged = _merge(component, inputs, tools.ld, wanted, work)
        sealed = _close(component, tools, merged, wanted, work)
        _raise_if(violations(component, sealed, wanted, allowed_undefined))
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(without_merging(sealed, without_relaxation(sealed)))
    return out


def _visible(component: Component, inputs: LinkInputs) -> tuple[str, ...]:
    """The names that stay global: the entry and the exports, or all that the component itself defines."""
    named = roots(component)
    defined = {name for found in inputs.read for name in found.defined}
    if ALL in component.exports:
        defined |= _defined_in(inputs.archives)
    if ALL in component.exports or not inputs.archives:
        _need_all(component, named, defined)
    return tuple(dict.fromkeys((*named, *sorted(defined)))) if ALL in component.exports else named


def _defined_in(archives: Iterable[Path]) -> set[str]:
    """Every global of every member: slow for a C library, so done only where it has to be."""
    return {name for archive in archives for member in members(archive) for name in member.defined}


def _need_all(component: Component, named: Iterable[str], defined: Container[str]) -> None:
    _raise_if(
        Fault(
            code="no-entry",
            message=f"no object of `{component.name}` defines `{name}`",
            where=f"component.{component.name}",
            hint="correct the name in `entry` or `exports`, or give its function that symbol (no mangling)",
        )
        for name in named
        if name not in defined
    )


def _merge(component: Component, inputs: LinkInputs, ld: Tool, wanted: tuple[str, ...], work: Path) -> Path:
    """``ld -r`` of what the visible names reach."""
    arguments = ["-r", "--force-group-allocation", *(f"--undefined={name}" for name in wanted), "-e", wanted[0]]
    whole = ALL in component.exports
    arguments += ["--whole-archive"] * whole + [*map(str, inputs.archives)] + ["--no-whole-archive"] * whole
    arguments += map(str, inputs.objects)
    arguments += ["--start-group", *map(str, inputs.libraries), "--end-group"]
    merged = work / "merged.o"
    if inputs.may_construct:
        # Collecting garbage drops constructors without a word; a link that keeps everything shows those it reached.
        _run(component, ld, [*arguments, "-o", str(merged)])
        _raise_if(refusals(_read(merged, component)))
    arguments += ["--gc-sections", "-o", str(merged)]
    try:
        _run(component, ld, arguments)
    except BadInput:
        # GNU ld's words for a missing root are about its own options.
        _need_all(
            component, wanted, {name for found in inputs.read for name in found.defined} | _defined_in(inputs.archives)
        )
        raise
    _need_all(component, wanted, _read(merged, component).defined)
    commons = _read(merged, component).commons
    if commons:
        elf = _read(merged, component).elf
        extra = work / "commons.o"
        extra.write_bytes(definitions(commons, elf.machine, elf.flags))
        _run(component, ld, [*arguments, str(extra)])
    return merged


def _close(component: Component, tools: Tools, merged: Path, wanted: tuple[str, ...], work: Path) -> RelocatableObject:
    """Make everything else local, rename sections, drop what neither runs nor is needed by a relocation."""
    renamed, sealed = work / "renamed.o", work / "sealed.o"
    arguments = [f"--keep-global-symbol={name}" for name in wanted]
    # Without the dot, which every name of a section has to bring itself: see `validation`.
    arguments += [f"--prefix-alloc-sections={own_prefix(component.name).removesuffix('.')}", "--strip-debug"]
    arguments += [f"--remove-section={name}" for name in _DROPPED]
    arguments += [f"--redefine-sym={LINEAR_MEMORY_BASE}={own_memory(component.name)}"]
    _run(component, tools.objcopy, [*arguments, str(merged), str(renamed)])
    found = _read(renamed, component)
    _, unused = open_names(found)
    # Names that only discarded code used, or a note beside the code: the final link would still look for them.
    strip = [f"--strip-symbol={name}" for name in sorted(unused)]
    rest = {section.name for section in found.elf.sections if not kept(found, section)}
    strip += [f"--remove-section={name}" for name in sorted(rest)]
    _run(component, tools.objcopy, [*strip, str(renamed), str(sealed)])
    return _read(sealed, component)


def _run(component: Component, tool: Tool, arguments: Iterable[str]) -> None:
    result = tool.run(arguments)
    if result.returncode == 0:
        return
    lines = [line for line in (result.stderr or result.stdout).splitlines() if line.strip()]
    text = "; ".join(line.strip() for line in lines[:_LEAST_MESSAGES]) or f"exit status {result.returncode}"
    name = Path(tool.command[0]).name
    hint = "correct what it names, or install other binutils or LLVM tools"
    raise BadInput([Fault(code="seal-tool", message=f"{name}: {text}", where=f"component.{component.name}", hint=hint)])


def _read(path: Path, component: Component) -> RelocatableObject:
    return read_object(path.read_bytes(), f"component.{component.name}")


def _raise_if(faults: Iterable[Fault]) -> None:
    found = tuple(faults)
    if found:
        raise BadInput(found)
