"""Components in C, sealed, planned and linked: each field is found as linked, and each one off by one is not."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from layoutplan.check.elf.image import ElfImage, parse_image, read_image
from layoutplan.check.elf.objects import parse_object
from layoutplan.check.elf.relocated import model_of
from layoutplan.check.image.parts import image_parts
from layoutplan.check.image.tracing import trace
from layoutplan.model.access import Machine
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding
from layoutplan.pipeline import PlanRequest, plan, read
from layoutplan.pipeline.sources import Sources, read_sources
from tests.render.objects import RV32, THUMB, Dialect, assemble, kernel_source, link
from tests.toolchain import tool

FIRST = """
extern volatile unsigned __lp_shared_ring_start[];
extern int peer(int);
static const double K[2] = {1.5, 2.5};
static int counter;
static int table[4] = {1, 2, 3, 4};
const char *names[] = {"alpha", "beta", "gamma", "pha"};
__attribute__((noinline)) double scale(double x) { return x * 3.25 + 7.125; }
__attribute__((noinline)) static const char *pick(int n) {
  switch (n) {
    case 0: return "alpha";
    case 1: return "hello world";
    case 2: return "world";
    case 3: return "delta";
    case 4: return "pha";
  }
  return names[n & 3];
}
void first_main(void) {
  for (int n = 0;; n++) {
    counter += table[n & 3];
    __lp_shared_ring_start[0] = (unsigned)pick(n) + counter;
    __lp_shared_ring_start[1] = scale(n) > K[n & 1];
    __lp_shared_ring_start[2] = peer(n);
  }
}
"""
SECOND = """
static const char *const words[] = {"alpha", "world", "beta b"};
static unsigned state = 7;
static unsigned zero[9];
__attribute__((noinline)) int peer(int x) { zero[x % 9] += words[x % 3][x & 1]; return state ^= x * 5; }
void second_main(void) { for (;;) peer(zero[2]); }
"""
MANIFEST = """
manifest-version = 1
isolation = "mpu"
[target]
chip = "{chip}"
libraries = ["{libgcc}"]
[component.first]
objects = ["first.o"]
entry = "first_main"
stack = 512
partition = "io"
[component.second]
objects = ["second.o"]
entry = "second_main"
exports = ["peer"]
stack = 512
partition = "io"
[shared.ring]
size = 64
access = {{ io = "rw" }}
"""
COMPILERS = {
    Machine.ARM: ("arm-none-eabi-gcc", ["-mcpu=cortex-m3", "-mthumb"], "mps2-an385", THUMB),
    Machine.RISCV: ("riscv64-unknown-elf-gcc", ["-march=rv32imac", "-mabi=ilp32"], "virt", RV32),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    machine: Machine
    dialect: Dialect
    folder: Path
    sources: Sources

    @property
    def system(self) -> System:
        return self.sources.system

    def traced(self, image: ElfImage) -> tuple[Finding, ...]:
        found = trace(self.system, image, image_parts(self.system, image), self.sources.contents())
        assert found.components == ("first", "second")
        return found.findings


@pytest.fixture(scope="module", params=list(COMPILERS))
def planned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planned:
    machine: Machine = request.param
    folder = tmp_path_factory.mktemp(machine.value)
    name, flags, chip, dialect = COMPILERS[machine]
    compiler = tool(name, f"gcc-{name.removesuffix('-gcc')}")
    for component, source in (("first", FIRST), ("second", SECOND)):
        (folder / f"{component}.c").write_text(source)
        command = [compiler, *flags, "-Os", "-ffunction-sections", "-fdata-sections", "-c", f"{component}.c"]
        subprocess.run([*command, "-o", f"{component}.o"], cwd=folder, check=True)
    command = [compiler, *flags, "-print-libgcc-file-name"]
    libgcc = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    manifest = folder / "layout.toml"
    manifest.write_text(MANIFEST.format(chip=chip, libgcc=libgcc))
    assert plan(PlanRequest(manifest=manifest, out=folder / "out")).status == 0
    sources = read_sources(manifest, {}, folder / "out", lock=manifest.with_suffix(".lock"))
    made = read(folder / "out" / "plan.json").decoded_plan()
    kernel = kernel_source(sources.system, made, dialect=dialect, vectors=64 if machine is Machine.ARM else 0)
    assemble(str(kernel), folder / "kernel.o", dialect)
    return Planned(machine=machine, dialect=dialect, folder=folder, sources=sources)


@pytest.mark.parametrize("linker", ["gnu", "lld"])
def test_each_field_is_found_as_linked_and_none_that_is_changed(planned: Planned, linker: str) -> None:
    folder = planned.folder
    objects = [folder / "kernel.o", *(folder / "out" / "sealed" / f"{name}.o" for name in ("first", "second"))]
    result = link(linker, folder / "out" / "layout.ld", objects, folder / "a.elf", "-O2", dialect=planned.dialect)
    assert result.returncode == 0, result.stderr
    image = read_image(folder / "a.elf")
    assert planned.traced(image) == ()
    seen: set[int] = set()
    for name, data in planned.sources.contents().items():
        for section in parse_object(data, name).sections:
            assert not section.merge
            assert section.data is None or not section.size or section.data in image.data or section.relocations
    # One field of each type, in the component's first section that has one; its place is that of the section's.
    first = parse_object(planned.sources.contents()["first"], "first").sections
    home = next(section for section in image.sections if section.name == ".lp.first.text")
    offset = 0
    for asked in planned.system.component("first").sections:
        if not asked.name.startswith(".lp.first.text"):
            continue
        offset = -(-offset // asked.align) * asked.align
        for row in next(section for section in first if section.name == asked.name).relocations:
            model = model_of(planned.machine, row.type)
            assert model is not None
            if model.width and row.type not in seen:
                seen.add(row.type)
                changed = bytearray(image.data)
                changed[home.offset + offset + row.offset + model.width - 2] ^= 4
                findings = planned.traced(parse_image(bytes(changed), "changed"))
                assert [finding.rule for finding in findings] == ["traced"], row
        offset += asked.size
    assert seen >= ({2, 10} if planned.machine is Machine.ARM else {19, 26, 27, 28, 45})


def test_an_input_section_that_is_in_no_object(planned: Planned) -> None:
    image = read_image(planned.folder / "a.elf")
    component = planned.system.component("first")
    sections = (*component.sections, replace(component.sections[0], name=".lp.first.text.gone"))
    others = tuple(replace(c, sections=sections) if c.name == "first" else c for c in planned.system.components)
    system = replace(planned.system, components=others)
    (finding,) = trace(system, image, image_parts(planned.system, image), planned.sources.contents()).findings
    assert "`.lp.first.text.gone` of" in finding.message
    assert "is not in the object of `first`" in finding.message
