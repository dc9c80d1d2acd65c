"""What a sealed object holds and shows, with every kind of tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from layoutplan.errors import BadInput
from layoutplan.objects import SectionType
from layoutplan.seal import is_sealed, seal
from layoutplan.seal.relocations import open_names
from layoutplan.seal.tools import find_tools
from tests.seal.sources import archive, assemble, component, function, sealed

RUNTIME = ("__aeabi_memcpy", "__aeabi_memset")


def runtime(folder: Path) -> Path:
    """An archive with one member per function."""
    return archive(folder / "librt.a", *(assemble(function(name), folder / f"{name}.o") for name in RUNTIME))


@pytest.mark.usefixtures("toolchain")
def test_only_the_entry_is_visible_and_every_section_is_the_components(tmp_path: Path) -> None:
    source = function("uart_main", "helper", "__aeabi_memcpy") + function("helper") + function("unreached")
    source += '.section .data.counter,"aw"\n.global counter\ncounter: .word uart_main\n'
    asked = component(assemble(source, tmp_path / "uart.o"))
    found = sealed(asked, tmp_path / "sealed.o", libraries=(runtime(tmp_path),))
    assert found.defined == {"uart_main"}
    assert found.undefined == frozenset()
    names = {section.name for section in found.allocated}
    assert names == {".lp.uart.text.uart_main", ".lp.uart.text.helper", ".lp.uart.text.__aeabi_memcpy"}
    assert is_sealed(asked, tmp_path / "sealed.o", frozenset())
    assert not is_sealed(asked, asked.objects[0], frozenset())


@pytest.mark.usefixtures("toolchain")
def test_the_same_inputs_give_the_same_bytes_in_every_folder(tmp_path: Path) -> None:
    contents = []
    for folder in (tmp_path / "a", tmp_path / "a-longer-name" / "b"):
        folder.mkdir(parents=True)
        source = function("uart_main", "__aeabi_memcpy") + ".comm buffer,40,8\n"
        asked = component(assemble(source, folder / "uart.o"))
        sealed(asked, folder / "sealed.o", libraries=(runtime(folder),))
        contents.append((folder / "sealed.o").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.usefixtures("toolchain")
def test_common_symbols_get_memory_of_their_own(tmp_path: Path) -> None:
    source = ".comm buffer,40,8\n.comm other,3,1\n" + function("uart_main", body=" ldr r0, =buffer\n ldr r1, =other\n")
    found = sealed(component(assemble(source, tmp_path / "uart.o")), tmp_path / "sealed.o")
    assert found.commons == ()
    sizes = {section.name: (section.size, section.align) for section in found.allocated}
    assert sizes[".lp.uart.bss.buffer"] == (40, 8)
    assert sizes[".lp.uart.bss.other"] == (3, 1)


@pytest.mark.usefixtures("toolchain")
def test_riscv_components_are_sealed_alike(tmp_path: Path) -> None:
    source = (
        '.section .text.uart_main,"ax"\n.global uart_main\nuart_main: lui a0, %hi(small)\n'
        " lw a0, %lo(small)(a0)\n la a1, buffer\n call memcpy\n ret\n"
        '.section .text.other,"ax"\n.global other\nother: ret\n'
        '.section .sdata.small,"aw"\n.global small\nsmall: .word 7\n.comm buffer,16,8\n'
    )
    copy = '.section .text.memcpy,"ax"\n.global memcpy\nmemcpy: ret\n'
    uart = assemble(source, tmp_path / "uart.o", riscv=True)
    library = archive(tmp_path / "librt.a", assemble(copy, tmp_path / "memcpy.o", riscv=True))
    found = sealed(component(uart), tmp_path / "sealed.o", libraries=(library,), machine="riscv")
    assert found.defined == {"uart_main"}
    assert found.undefined == frozenset()
    assert {section.name for section in found.allocated} == {
        ".lp.uart.text.uart_main",
        ".lp.uart.text.memcpy",
        ".lp.uart.sdata.small",
        ".lp.uart.bss.buffer",
    }


@pytest.mark.usefixtures("toolchain")
def test_a_comdat_group_cannot_be_taken_from_another_component(tmp_path: Path) -> None:
    group = '.section .text.inline,"axG",%progbits,inline,comdat\n.weak inline\n.thumb_func\ninline: bx lr\n'
    source = group + function("uart_main", "inline")
    found = sealed(component(assemble(source, tmp_path / "uart.o")), tmp_path / "sealed.o")
    assert not any(section.type == SectionType.GROUP for section in found.elf.sections)
    assert ".lp.uart.text.inline" in {section.name for section in found.allocated}


@pytest.mark.usefixtures("toolchain")
def test_unwind_tables_and_bitcode_are_dropped_with_what_they_name(tmp_path: Path) -> None:
    source = (
        '.section .llvmbc,"a"\n.word 1\n.section .imports,"",%progbits\n.word from_afar\n'
        + function("uart_main").replace("push", ".fnstart\n push")
        + ".fnend\n"
    )
    asked = component(assemble(source, tmp_path / "uart.o"))
    assert "__aeabi_unwind_cpp_pr0" in _read_undefined(asked.objects[0])
    found = sealed(asked, tmp_path / "sealed.o")
    assert found.undefined == frozenset()
    assert {section.name for section in found.elf.sections if section.allocated} == {".lp.uart.text.uart_main"}


def _read_undefined(path: Path) -> frozenset[str]:
    from layoutplan.objects import read_object

    return read_object(path.read_bytes(), path.name).undefined


@pytest.mark.usefixtures("toolchain")
def test_exports_and_all_globals_stay(tmp_path: Path) -> None:
    source = function("poll") + function("reset") + function("__aeabi_memset", "__aeabi_memcpy")
    asked = component(assemble(source, tmp_path / "drv.o"), entry=None, exports=("poll", "reset"))
    assert sealed(asked, tmp_path / "some.o").defined == {"poll", "reset"}
    asked = component(asked.objects[0], entry=None, exports=("*",))
    found = sealed(asked, tmp_path / "all.o", libraries=(runtime(tmp_path),))
    assert found.defined == {"poll", "reset", "__aeabi_memset"}, "a library's names are never shown"


@pytest.mark.usefixtures("toolchain")
def test_archive_members_are_taken_as_they_are_reached(tmp_path: Path) -> None:
    members = [
        assemble(function("uart_main", "used"), tmp_path / "main.o"),
        assemble(function("used"), tmp_path / "used.o"),
        assemble(function("unused") + '.section .init_array,"aw",%init_array\n.word unused\n', tmp_path / "unused.o"),
    ]
    for thin in (False, True):
        lib = archive(tmp_path / f"lib{thin}.a", *members, thin=thin)
        found = sealed(component(lib), tmp_path / "sealed.o")
        assert {section.name for section in found.allocated} == {".lp.uart.text.uart_main", ".lp.uart.text.used"}


@pytest.mark.usefixtures("toolchain")
def test_each_component_has_its_own_linear_memory(tmp_path: Path) -> None:
    source = function("uart_main", body=" ldr r0, =__linear_memory_base\n")
    asked = component(assemble(source, tmp_path / "uart.o"), name="gps-driver")
    found = sealed(asked, tmp_path / "sealed.o")
    assert open_names(found)[0] == {"__lp_gps_driver_linear_memory_start"}
    assert is_sealed(asked, tmp_path / "sealed.o", frozenset())


@pytest.mark.usefixtures("toolchain")
def test_each_riscv_component_has_its_own_linear_memory(tmp_path: Path) -> None:
    """The compiler addresses it in halves; both relocations of each component keep naming that component's base."""
    source = (
        '.section .text.uart_main,"ax"\n.global uart_main\nuart_main: lui s11, %hi(__linear_memory_base)\n'
        " addi s11, s11, %lo(__linear_memory_base)\n la a0, __linear_memory_base+16\n ret\n"
    )
    uart = assemble(source, tmp_path / "uart.o", riscv=True)
    for name in ("gps-driver", "uart"):
        asked = component(uart, name=name)
        found = sealed(asked, tmp_path / f"{name}.o", machine="riscv")
        assert open_names(found)[0] == {f"__lp_{name.replace('-', '_')}_linear_memory_start"}
        assert "__linear_memory_base" not in found.undefined | found.defined
        assert is_sealed(asked, tmp_path / f"{name}.o", frozenset())


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("flags", ["a", "aw"])
def test_riscv_records_of_wasm_data_are_the_components(flags: str, tmp_path: Path) -> None:
    """Records of what the wasm memory begins with are in no section that linkers know by name."""
    source = (
        '.section .text.uart_main,"ax"\n.global uart_main\nuart_main: la a0, records\n lw a0, 0(a0)\n ret\n'
        f'.section .wasm_data,"{flags}"\n.balign 4\nrecords: .word 1024, 5\n.ascii "hello"\n'
    )
    uart = assemble(source, tmp_path / "uart.o", riscv=True)
    found = sealed(component(uart), tmp_path / "sealed.o", machine="riscv")
    sections = {section.name: (section.size, section.align) for section in found.allocated}
    assert sections[".lp.uart.wasm_data"] == (13, 4)
    assert sections.keys() == {".lp.uart.text.uart_main", ".lp.uart.wasm_data"}


@pytest.mark.usefixtures("toolchain")
def test_names_that_the_final_link_defines_may_stay_open(tmp_path: Path) -> None:
    source = function("uart_main", "neighbour", body=" ldr r0, =__lp_shared_ring_start\n")
    asked = component(assemble(source, tmp_path / "uart.o"))
    allowed = frozenset({"neighbour", "__lp_shared_ring_start"})
    assert open_names(sealed(asked, tmp_path / "sealed.o", allowed=allowed))[0] == allowed


@pytest.mark.usefixtures("toolchain")
def test_component_model_names_with_punctuation_are_kept(tmp_path: Path) -> None:
    name = "gust:mpu/iso@0.1.0#try-add-region"
    source = f'.section .text.m,"ax"\n.global "{name}"\n.thumb_func\n"{name}": bx lr\n'
    found = sealed(component(assemble(source, tmp_path / "uart.o"), entry=name), tmp_path / "sealed.o")
    assert found.defined == {name}


def refusal(*paths: Path, out: Path, libraries: tuple[Path, ...] = ()) -> str:
    """The whole message of a refused component."""
    asked = component(*paths)
    with pytest.raises(BadInput) as caught:
        seal(asked, asked.objects, libraries=libraries, allowed_undefined=frozenset(), machine="arm", out=out)
    assert not out.exists()
    return str(caught.value).replace(str(out.parent), "DIR")


@pytest.mark.usefixtures("toolchain")
def test_open_names_are_all_refused_at_once(tmp_path: Path) -> None:
    source = function("uart_main", "__aeabi_memcpy", "console", body=" ldr r0, =__lp_shared_ring_start\n")
    assert refusal(assemble(source, tmp_path / "uart.o"), out=tmp_path / "sealed.o") == (
        "error[undefined-symbol]: `uart` uses `__aeabi_memcpy`, which nothing that it may use defines; the kernel's "
        "would be taken\n"
        "  at component.uart\n"
        "hint: name the runtime's archive (libcompiler_builtins, libgcc.a, libc.a) in `[target] libraries`\n"
        "error[undefined-symbol]: `uart` uses `__lp_shared_ring_start`, which nothing that it may use defines; the "
        "kernel's would be taken\n"
        "  at component.uart\n"
        'hint: give the partition access to that share: [shared.…] access = { uart = "r" }\n'
        "error[undefined-symbol]: `uart` uses `console`, which nothing that it may use defines; the kernel's would be "
        "taken\n"
        "  at component.uart\n"
        "hint: add the object that defines it, or let a component of the same partition or `[runtime]` export it"
    )


@pytest.mark.usefixtures("toolchain")
def test_a_missing_entry_is_named(tmp_path: Path) -> None:
    assert refusal(assemble(function("other"), tmp_path / "uart.o"), out=tmp_path / "sealed.o") == (
        "error[no-entry]: no object of `uart` defines `uart_main`\n  at component.uart\n"
        "hint: correct the name in `entry` or `exports`, or give its function that symbol (no mangling)"
    )


@pytest.mark.usefixtures("toolchain")
def test_constructors_are_refused_in_an_object_and_in_a_member_that_is_reached(tmp_path: Path) -> None:
    constructor = function("setup") + '.section .init_array,"aw",%init_array\n.word setup\n'
    plain = assemble(function("uart_main") + constructor, tmp_path / "uart.o")
    assert "error[constructor]: `.init_array` holds constructors" in refusal(plain, out=tmp_path / "sealed.o")
    reached = archive(tmp_path / "lib.a", assemble(function("helper") + constructor, tmp_path / "helper.o"))
    calling = assemble(function("uart_main", "helper"), tmp_path / "main.o")
    assert "error[constructor]" in refusal(calling, out=tmp_path / "sealed.o", libraries=(reached,))


def test_rust_libraries_and_bitcode_are_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "lib.rmeta").write_bytes(b"rust\0\0\0\0")
    rlib = archive(tmp_path / "libdriver.rlib", tmp_path / "lib.rmeta")
    assert refusal(rlib, out=tmp_path / "sealed.o") == (
        "error[rlib]: an rlib cannot be a component: its code is inlined into the crates that use it\n"
        "  at libdriver.rlib\n"
        "hint: build the component with `--emit obj`, or as a staticlib, before and outside the image's crate"
    )
    (tmp_path / "bitcode.o").write_bytes(b"BC\xc0\xde" + bytes(60))
    assert "error[bitcode]" in refusal(tmp_path / "bitcode.o", out=tmp_path / "sealed.o")
    lto = archive(tmp_path / "liblto.a", tmp_path / "bitcode.o")
    assert "  at liblto.a(bitcode.o)" in refusal(lto, out=tmp_path / "sealed.o")
    assert "error[no-file]: cannot read: No such file" in refusal(tmp_path / "absent.o", out=tmp_path / "sealed.o")


@pytest.mark.usefixtures("toolchain")
def test_two_definitions_of_one_name_are_the_linkers_to_tell(tmp_path: Path) -> None:
    first = assemble(function("uart_main"), tmp_path / "a.o")
    second = assemble(function("uart_main"), tmp_path / "b.o")
    message = refusal(first, second, out=tmp_path / "sealed.o")
    assert message.startswith("error[seal-tool]: ")
    assert "uart_main" in message


def test_without_tools_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uart = assemble(function("uart_main"), tmp_path / "uart.o")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("RUSTC", str(tmp_path / "no-rustc"))
    find_tools.cache_clear()
    assert refusal(uart, out=tmp_path / "sealed.o") == (
        "error[no-tools]: no linker and no objcopy for arm ELF files was found on PATH or in rustup's toolchain\n"
        "hint: apt-get install binutils-arm-none-eabi (or lld-19 and llvm), or: rustup component add llvm-tools"
    )
    find_tools.cache_clear()


def test_what_is_not_sealed_is_recognised(tmp_path: Path) -> None:
    asked = component(assemble(function("uart_main"), tmp_path / "uart.o"))
    sealed(asked, tmp_path / "sealed.o")
    good = (tmp_path / "sealed.o").read_bytes()
    assert is_sealed(asked, tmp_path / "sealed.o", frozenset())
    assert not is_sealed(component(name="other"), tmp_path / "sealed.o", frozenset())
    assert not is_sealed(component(entry="poll"), tmp_path / "sealed.o", frozenset())
    (tmp_path / "short.o").write_bytes(good[:70])
    assert not is_sealed(asked, tmp_path / "short.o", frozenset())
    assert not is_sealed(asked, tmp_path / "absent.o", frozenset())
    shown = function("uart_main", section=".lp.uart.text") + function("memcpy", section=".lp.uart.text")
    assert not is_sealed(asked, assemble(shown, tmp_path / "shown.o"), frozenset()), "it shows memcpy to the kernel"


def test_an_object_sealed_elsewhere_is_held_to_the_same(tmp_path: Path) -> None:
    asked = component(assemble(function("uart_main", "memcpy", "neighbour"), tmp_path / "uart.o"))
    both, out = frozenset({"neighbour", "memcpy"}), tmp_path / "sealed.o"
    sealed(asked, out, allowed=both)
    assert is_sealed(asked, out, both)
    assert not is_sealed(asked, out, frozenset({"neighbour"}))
    with pytest.raises(BadInput) as caught:
        sealed(component(out), tmp_path / "again.o", allowed=frozenset({"neighbour"}))
    assert [fault.code for fault in caught.value.faults] == ["undefined-symbol"]
    assert "`uart` uses `memcpy`" in str(caught.value)
