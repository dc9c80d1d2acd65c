"""A component finds its heap by name, once it has one, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from layoutplan.errors import BadInput, ExitStatus
from layoutplan.pipeline import PlanRequest, plan
from tests.render import objects
from tests.render.image import read
from tests.seal.sources import assemble, function

MANIFEST = """
manifest-version = 1
isolation = "mpu"
[target]
chip = "mps2-an385"
[kernel]
stack = "1K"
[component.net-io]
objects = ["net.o"]
entry = "net_main"
stack = 256
trust = "untrusted"
{heap}
[component.other]
sizes = {{ code = 100 }}
heap = 64
"""
KERNEL = """
.section .vector_table.reset,"a"
.word __lp_kernel_stack_end
.word Reset
.section .text.Reset,"ax"
.global Reset
.thumb_func
Reset: b .
.section .lp.region_table,"a"
.global {plan}
{plan}: .word 1
"""


def component(name: str, folder: Path) -> None:
    source = function("net_main", body=f" ldr r0, =__lp_{name}_heap_start\n ldr r1, =__lp_{name}_heap_end\n")
    assemble(source, folder / "net.o")


@pytest.mark.parametrize("linker", objects.LINKERS)
def test_the_heap_is_where_the_component_is_told(linker: str, tmp_path: Path) -> None:
    component("net_io", tmp_path)
    manifest = tmp_path / "layout.toml"
    manifest.write_text(MANIFEST.format(heap="heap = 512"))
    result = plan(PlanRequest(manifest=manifest, out=tmp_path / "out"))
    assert result.status is ExitStatus.YES, result.faults
    script = result.script.read_text()
    wanted = script[script.index("DEFINED(") + len("DEFINED(") :].partition(")")[0]
    kernel = assemble(KERNEL.format(plan=wanted), tmp_path / "kernel.o")
    linked = objects.link(linker, result.script, [kernel, *result.objects], tmp_path / "a.elf")
    assert linked.returncode == 0, linked.stderr
    image = read(tmp_path / "a.elf")
    entry = image.symbols["net_main"] & ~1
    # push, two loads of literals, pop, then the literals
    start, end = image.words(entry + 8, entry + 16)
    assert (start, end) == (image.symbols["__lp_net_io_heap_start"], image.symbols["__lp_net_io_heap_end"])
    assert end - start == 512


@pytest.mark.parametrize(("name", "heap"), [("net_io", ""), ("other", "heap = 512")])
def test_a_heap_that_is_not_the_components_is_refused(name: str, heap: str, tmp_path: Path) -> None:
    component(name, tmp_path)
    manifest = tmp_path / "layout.toml"
    manifest.write_text(MANIFEST.format(heap=heap))
    with pytest.raises(BadInput) as caught:
        plan(PlanRequest(manifest=manifest, out=tmp_path / "out"))
    assert [fault.code for fault in caught.value.faults] == ["undefined-symbol"] * 2
    assert f"`net-io` uses `__lp_{name}_heap_start`" in str(caught.value)
    assert 'hint: give the component a heap of its own: [component.net-io] heap = "1K"' in str(caught.value)
