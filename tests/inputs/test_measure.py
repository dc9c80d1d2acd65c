"""Objects become input sections, in a linker's order; what no component may bring is refused, all at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.errors import BadInput
from layoutplan.inputs import measure, measure_linked, read_manifest
from layoutplan.model.access import Isolation
from layoutplan.model.component import InputSection, Role, System
from tests.objects.builder import (
    ALLOC,
    COMMON,
    EM_RISCV,
    EXEC,
    GROUP,
    NOBITS,
    TLS,
    WRITE,
    Obj,
    Sec,
    Sym,
    arm_attributes,
    member,
    simple,
)

HEAD = 'manifest-version = 1\n[target]\nchip = "mps2-an385"\n'


def system_of(folder: Path, text: str, **files: bytes) -> System:
    for name, data in files.items():
        (folder / f"{name}.o").write_bytes(data)
    (folder / "layout.toml").write_text(HEAD + text)
    return read_manifest(folder / "layout.toml", {}).system


def measured(system: System) -> System:
    everything = [*system.components, *([system.runtime] if system.runtime else [])]
    return measure(system, {component.name: component.objects for component in everything})


def rows(system: System, name: str) -> list[tuple[str, str, int, int]]:
    return [(s.name, s.role.value, s.size, s.align) for s in system.component(name).sections]


def refused(system: System) -> str:
    with pytest.raises(BadInput) as caught:
        measured(system)
    return str(caught.value)


ONE = '[component.a]\nobjects = ["a.o"]\n'


def test_sections_have_roles_by_their_flags_and_stay_in_order(tmp_path: Path) -> None:
    made = simple(
        sections=[
            Sec(name=".data.looks_like_data", flags=ALLOC | EXEC, data=bytes(10), align=2),
            Sec(name=".text.b", data=bytes(5), align=1),
            Sec(name=".x", flags=ALLOC | WRITE, data=bytes(12)),
            Sec(name=".synth.wasm_mem_1", type=NOBITS, flags=ALLOC | WRITE, size=65536),
            Sec(name=".sbss", type=NOBITS, flags=ALLOC | WRITE, size=4),
            Sec(name=".empty", flags=ALLOC | WRITE),
            Sec(name=".meld_import_table", flags=0, data=bytes(99)),
            Sec(name=".ARM.exidx", type=0x7000_0001, data=bytes(8)),
            Sec(name=".eh_frame", data=bytes(8)),
        ],
        symbols=[],
    )
    assert rows(measured(system_of(tmp_path, ONE, a=made.build())), "a") == [
        (".data.looks_like_data", "text", 10, 2),
        (".text.b", "rodata", 5, 1),
        (".x", "data", 12, 4),
        (".synth.wasm_mem_1", "bss", 65536, 4),
        (".sbss", "bss", 4, 4),
    ]


def test_common_symbols_are_laid_out_as_a_linker_does(tmp_path: Path) -> None:
    commons = [
        Sym(name="byte", section=COMMON, value=1, size=1),
        Sym(name="table", section=COMMON, value=16, size=32),
        Sym(name="word", section=COMMON, value=4, size=4),
    ]
    system = measured(system_of(tmp_path, ONE, a=Obj(symbols=commons).build()))
    assert rows(system, "a") == [("COMMON", "bss", 16 + 32 + 4, 16)]


def test_objects_of_one_component_are_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    text = '[component.a]\nobjects = ["b.o", "a.o"]\n'
    system = measured(system_of(tmp_path, text, a=simple().build(), b=simple().build()))
    assert [s.object for s in system.component("a").sections] == ["b.o"] * 4 + ["a.o"] * 4


def test_one_copy_of_a_comdat_group_is_planned(tmp_path: Path) -> None:
    made = Obj(
        sections=[
            Sec(name=".text.inline", flags=ALLOC | EXEC, data=bytes(40)),
            Sec(name=".group", type=GROUP, flags=0, data=bytes([1, 0, 0, 0, 1, 0, 0, 0]), link=3, info=1),
            Sec(name=".text.own", flags=ALLOC | EXEC, data=bytes(8)),
        ],
        symbols=[Sym(name="inline", section=1)],
    )
    text = '[component.a]\nobjects = ["a.o", "b.o"]\n[component.c]\nobjects = ["c.o"]\n'
    system = measured(system_of(tmp_path, text, a=made.build(), b=made.build(), c=made.build()))
    assert [(s.object, s.name) for s in system.component("a").sections] == [
        ("a.o", ".text.inline"),
        ("a.o", ".text.own"),
        ("b.o", ".text.own"),
    ]
    # Never merged across components, which may be in different partitions.
    assert [s.name for s in system.component("c").sections] == [".text.inline", ".text.own"]


def test_archives_are_read_by_members(tmp_path: Path) -> None:
    (tmp_path / "lib.a").write_bytes(b"!<arch>\n" + member(b"x.o/", simple().build()))
    text = '[component.a]\nobjects = ["lib.a"]\nexports = ["main"]\n'
    system = measured(system_of(tmp_path, text))
    assert {s.object for s in system.component("a").sections} == {"lib.a(x.o)"}


def test_thin_archives_read_their_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.o").write_bytes(simple().build())
    thin = b"!<thin>\n" + member(b"//", b"sub/x.o/\n") + member(b"/0", b"", size=len(simple().build()))
    (tmp_path / "lib.a").write_bytes(thin)
    system = measured(system_of(tmp_path, '[component.a]\nobjects = ["lib.a"]\nexports = ["main"]\n'))
    assert len(system.component("a").sections) == 4
    (tmp_path / "sub" / "x.o").unlink()
    assert refused(system) == (
        f"error[no-file]: cannot read: No such file or directory\n  at {tmp_path}/sub/x.o\nhint: build it first"
    )


def test_an_archive_inside_an_archive_is_refused(tmp_path: Path) -> None:
    inner = b"!<arch>\n" + member(b"x.o/", simple().build())
    (tmp_path / "lib.a").write_bytes(b"!<arch>\n" + member(b"inner.a/", inner))
    system = system_of(tmp_path, '[component.a]\nobjects = ["lib.a"]\nexports = ["main"]\n')
    assert refused(system) == (
        f"error[nested-archive]: `inner.a` is an archive inside an archive\n  at {tmp_path}/lib.a\n"
        "hint: take it out, and name it beside the other"
    )


@pytest.mark.parametrize("name", ["libx.rlib", "libx.a"])
def test_rust_libraries_are_refused_with_a_hint(name: str, tmp_path: Path) -> None:
    inside = member(b"lib.rmeta/", b"meta") + member(b"x.o/", simple().build())
    (tmp_path / name).write_bytes(b"!<arch>\n" + inside)
    system = system_of(tmp_path, f'[component.a]\nobjects = ["{name}"]\nexports = ["main"]\n')
    assert refused(system) == (
        f"error[rlib]: a Rust library, whose code is compiled again into what uses it\n  at {tmp_path}/{name}\n"
        "hint: build the component as a staticlib or an object; rlibs belong into [target] libraries"
    )


def test_all_faults_of_all_objects_at_once(tmp_path: Path) -> None:
    tls = Obj(sections=[Sec(name=".tdata", flags=ALLOC | WRITE | TLS, data=bytes(4))])
    text = ONE + '[component.b]\nobjects = ["b.o"]\n[component.c]\nobjects = ["c.o"]\n'
    message = refused(system_of(tmp_path, text, a=b"junk", b=tls.build(), c=simple(machine=EM_RISCV).build()))
    assert message == (
        "error[not-elf]: the file is not an ELF file\n  at a.o\n"
        "hint: name an ELF32 object file or image\n"
        "error[thread-local]: `.tdata` is thread-local storage, which no task has\n  at b.o: section 1\n"
        "hint: use a plain static\n"
        "error[wrong-machine]: the object is for RISC-V, and the target is Arm\n  at c.o\n"
        "hint: compile it for the chip that [target] names, or correct [target]"
    )


def with_arch(cpu_arch: int) -> bytes:
    return simple(sections=[*simple().sections, arm_attributes(cpu_arch)]).build()


def test_mixed_architectures_are_refused(tmp_path: Path) -> None:
    text = ONE + '[component.b]\nobjects = ["b.o"]\n[component.c]\nobjects = ["c.o"]\n'
    system = system_of(tmp_path, text, a=with_arch(10), b=with_arch(13), c=with_arch(10))
    assert refused(system) == (
        "error[mixed-architecture]: objects of several architectures: v7: a.o and 1 more; v7E-M: b.o\n"
        "hint: compile all components for one target"
    )
    # Missing attributes say nothing against an object.
    (tmp_path / "b.o").write_bytes(simple().build())
    assert measured(system).component("b").sections


def test_an_architecture_that_the_core_does_not_run_is_refused(tmp_path: Path) -> None:
    assert refused(system_of(tmp_path, ONE, a=with_arch(17))) == (
        "error[wrong-architecture]: the object is for v8-M.mainline, and the target runs v7, v6-M, v6S-M, v7E-M\n"
        "  at a.o\nhint: compile it for the chip that [target] names, or correct [target]"
    )


EXTERNAL = simple(symbols=[Sym(name="main", section=1), Sym(name="__linear_memory_base")]).build()


def manifest_beside(folder: Path, **values: object) -> None:
    (folder / "a.safety-manifest.json").write_text(json.dumps(values))


@pytest.mark.parametrize("name", ["__linear_memory_base", "__lp_a_linear_memory_start"])
def test_a_linear_memory_of_unknown_size_is_refused(name: str, tmp_path: Path) -> None:
    needing = simple(symbols=[Sym(name="main", section=1), Sym(name=name)]).build()
    assert refused(system_of(tmp_path, ONE, a=needing)) == (
        "error[linear-memory]: `a` needs a linear memory of a size that nothing says: "
        "`__linear_memory_base` is undefined\n  at layout.toml:4: component.a.linear-memory\n"
        'hint: give linear-memory = "64K", or keep <object>.safety-manifest.json beside the object'
    )


def test_the_safety_manifest_says_how_large_the_linear_memory_is(tmp_path: Path) -> None:
    manifest_beside(tmp_path, linear_memory_bytes=65536, safety_bounds="software", other=1)
    assert measured(system_of(tmp_path, ONE, a=EXTERNAL)).component("a").linear_memory == 65536
    # The word of the manifest comes first.
    given = ONE + 'linear-memory = "128K"\n'
    assert measured(system_of(tmp_path, given, a=EXTERNAL)).component("a").linear_memory == 131072


def test_a_linear_memory_that_the_object_declares_is_not_planned_twice(tmp_path: Path) -> None:
    manifest_beside(tmp_path, linear_memory_bytes=65536)
    own = simple(sections=[Sec(name=".synth.wasm_mem_0", type=NOBITS, flags=ALLOC | WRITE, size=65536)], symbols=[])
    assert measured(system_of(tmp_path, ONE, a=own.build())).component("a").linear_memory == 0
    # An empty .bss is no sign that none is needed.
    none = simple(sections=[Sec(name=".text", flags=ALLOC | EXEC, data=bytes(4))], symbols=[])
    assert measured(system_of(tmp_path, ONE, a=none.build())).component("a").linear_memory == 65536


@pytest.mark.parametrize("content", ["{", '{"linear_memory_bytes": -1}', '{"linear_memory_bytes": "64K"}', "[]"])
def test_a_broken_safety_manifest_is_refused(content: str, tmp_path: Path) -> None:
    system = system_of(tmp_path, ONE, a=EXTERNAL)
    (tmp_path / "a.safety-manifest.json").write_text(content)
    message = refused(system)
    assert f"  at {tmp_path}/a.safety-manifest.json" in message
    assert message.startswith("error[safety-manifest]: ") or "error[safety-manifest]: " in message


TWO_OF_ONE = """
[component.main]
objects = ["a.o"]
[component.memory]
objects = ["a.o"]
sections = [".synth.wasm_mem_1"]
partition = "main"
"""


def test_one_object_serves_two_components_split_by_section(tmp_path: Path) -> None:
    for prefix in ("", ".lp.main"):
        made = simple(
            sections=[
                Sec(name=prefix + ".text", flags=ALLOC | EXEC, data=bytes(4)),
                Sec(name=prefix + ".synth.wasm_mem_0", type=NOBITS, flags=ALLOC | WRITE, size=65536),
                Sec(name=prefix + ".synth.wasm_mem_1", type=NOBITS, flags=ALLOC | WRITE, size=131072),
            ],
            symbols=[],
        )
        system = measured(system_of(tmp_path, TWO_OF_ONE, a=made.build()))
        assert [s.name for s in system.component("main").sections] == [
            prefix + ".text",
            prefix + ".synth.wasm_mem_0",
        ]
        assert [s.name for s in system.component("memory").sections] == [prefix + ".synth.wasm_mem_1"]


def test_only_data_sections_that_exist_can_be_selected(tmp_path: Path) -> None:
    text = TWO_OF_ONE.replace('".synth.wasm_mem_1"', '".text", ".missing"')
    assert refused(system_of(tmp_path, text, a=simple().build())) == (
        "error[not-data]: `.text` is text, and only data sections can be given to another component\n"
        "  at layout.toml:9: component.memory.sections\n"
        "hint: name data sections only: code and constants stay with the component that has the object\n"
        "error[unknown-section]: no object of `memory` has a section `.missing`\n"
        "  at layout.toml:9: component.memory.sections\nhint: known here: `.bss`, `.data`"
    )


def test_the_runtime_is_measured_and_keeps_no_state(tmp_path: Path) -> None:
    code = Obj(sections=[Sec(name=".text", flags=ALLOC | EXEC, data=bytes(64))])
    text = ONE + '[runtime]\nobjects = ["r.o"]\n'
    system = measured(system_of(tmp_path, text, a=simple().build(), r=code.build()))
    assert system.runtime is not None
    assert system.runtime.sections == (InputSection(object="r.o", name=".text", role=Role.TEXT, size=64, align=4),)
    assert refused(system_of(tmp_path, text, r=simple(sections=simple().sections[2:3], symbols=[]).build())) == (
        "error[runtime-state]: `.data` of r.o is data, and the runtime has no memory of its own\n"
        "  at layout.toml:7: runtime.objects\nhint: what keeps state belongs into each component"
    )


def test_what_a_link_added_to_the_code_is_slack(tmp_path: Path) -> None:
    text = '[component.net-io]\nobjects = ["a.o"]\nexports = ["main"]\nslack = 4\n'
    system = measured(system_of(tmp_path, text, a=simple().build()))
    for size, slack in ((10, 0), (42, 32), (6, 0)):
        image = Obj(type=2, sections=[Sec(name=".lp.net_io.text", flags=ALLOC | EXEC, data=bytes(size))])
        (tmp_path / "fw.elf").write_bytes(image.build())
        assert measure_linked(system, tmp_path / "fw.elf").component("net-io").slack == slack
    (tmp_path / "fw.elf").write_bytes(Obj(type=2).build())
    with pytest.raises(BadInput) as caught:
        measure_linked(system, tmp_path / "fw.elf")
    assert str(caught.value) == (
        "error[not-in-image]: the image has no section `.lp.net_io.text`, so it was not linked with a script for "
        "component `net-io`\n  at fw.elf\nhint: link once without `--measured`"
    )


RISCV = '[component.a]\nobjects = ["a.o", "b.o"]\n'


def riscv(flags: int) -> bytes:
    return simple(machine=EM_RISCV, flags=flags).build()


def riscv_system(folder: Path, **files: bytes) -> System:
    for name, data in files.items():
        (folder / f"{name}.o").write_bytes(data)
    head = 'manifest-version = 1\n[target]\nunit = "none"\nmachine = "riscv"\n'
    memories = '[memory.flash]\norigin = 0\nlength = "1M"\naccess = "rx"\n'
    memories += '[memory.ram]\norigin = 0x8000_0000\nlength = "1M"\naccess = "rw"\n'
    (folder / "layout.toml").write_text(head + memories + RISCV)
    return read_manifest(folder / "layout.toml", {}).system


def test_riscv_objects_of_one_calling_convention(tmp_path: Path) -> None:
    # Compressed instructions (1) mix with plain ones; conventions do not.
    system = measured(riscv_system(tmp_path, a=riscv(0), b=riscv(1)))
    assert len(system.component("a").sections) == 8
    assert refused(riscv_system(tmp_path, a=riscv(1), b=riscv(3))) == (
        "error[mixed-architecture]: objects of several calling conventions: single float: b.o; soft float: a.o\n"
        "hint: compile all components for one target"
    )
    assert "soft float, 16 registers: b.o" in refused(riscv_system(tmp_path, a=riscv(1), b=riscv(9)))


def test_software_isolation_wants_the_compilers_word_for_its_checks(tmp_path: Path) -> None:
    system = replace(system_of(tmp_path, ONE, a=simple().build()), isolation=frozenset({Isolation.SOFTWARE}))
    message = (
        'error[no-bounds-checks]: isolation = "software", and nothing says that `a` was compiled with bounds checks\n'
        "  at layout.toml:5: component.a.objects\nhint: compile it with --safety-bounds software, and keep "
        "<object>.safety-manifest.json beside each object"
    )
    assert refused(system) == message
    manifest_beside(tmp_path, safety_bounds="mpu")
    assert refused(system) == message
    for word in ("software", "mask"):
        manifest_beside(tmp_path, safety_bounds=word, linear_memory_bytes=65536)
        assert measured(system).component("a").sections


def test_a_component_of_nothing_is_refused(tmp_path: Path) -> None:
    nothing = Obj(sections=[Sec(name=".comment", flags=0, data=bytes(4))])
    assert refused(system_of(tmp_path, ONE, a=nothing.build())) == (
        "error[empty-component]: no section of `a` takes memory\n  at layout.toml:5: component.a.objects\n"
        "hint: is it the right object, and does something reach its code?"
    )


def test_exporting_everything_names_every_global(tmp_path: Path) -> None:
    more = simple(symbols=[Sym(name="helper", section=1), Sym(name="local", section=1, info=0x02), Sym(name="memcpy")])
    text = '[component.a]\nobjects = ["a.o", "b.o"]\nentry = "main"\nstack = 8\nexports = ["*"]\n'
    text += '[runtime]\nobjects = ["r.o"]\n'
    runtime = Obj(sections=[Sec(name=".text", flags=ALLOC | EXEC, data=bytes(4))], symbols=[Sym(name="add", section=1)])
    system = system_of(tmp_path, text, a=simple().build(), b=more.build(), r=runtime.build())
    assert system.component("a").exports == ("helper",)
    assert system.runtime is not None
    assert system.runtime.exports == ("add",)


def test_exporting_everything_of_an_unreadable_object_is_refused_when_it_is_measured(tmp_path: Path) -> None:
    text = '[component.a]\nobjects = ["a.o"]\nexports = ["*"]\n'
    system = system_of(tmp_path, text, a=b"junk")
    assert system.component("a").exports == ("*",)
    assert "error[not-elf]" in refused(system)
