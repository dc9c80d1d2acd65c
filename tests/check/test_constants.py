"""Constants in registers: what real instructions change is not taken for kept, what short programs write is found."""

from __future__ import annotations

import re
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from layoutplan.check.code import riscv, thumb
from layoutplan.check.code.constants import HELD, Code, Value, Write, writes_of
from layoutplan.check.elf.objects import parse_object
from tests.toolchain import tool

BASE = 0x0800_0000
REGISTERS = {
    "arm": {**{f"r{i}": i for i in range(13)}, "sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14},
    "riscv": {
        **dict(zip(("ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1"), range(1, 10), strict=True)),
        **{f"a{i}": 10 + i for i in range(8)},
        **{f"s{i}": 16 + i for i in range(2, 12)},
        **{f"t{i}": 25 + i for i in range(3, 7)},
    },
}
ASSEMBLERS = {
    "arm": ("arm-none-eabi-as", "binutils-arm-none-eabi", ["-mcpu=cortex-m33", "-mthumb"]),
    "riscv": ("riscv64-unknown-elf-as", "binutils-riscv64-unknown-elf", ["-march=rv32imac_zicsr", "-mabi=ilp32"]),
}
LIBRARIES = {
    "arm": ("libnewlib-arm-none-eabi", "/usr/lib/arm-none-eabi/newlib/thumb/v7-m/nofp/libc.a"),
    "riscv": ("picolibc-riscv64-unknown-elf", "/usr/lib/picolibc/riscv64-unknown-elf/lib/rv32imac/ilp32/libc.a"),
}

VALUES = tuple(zlib.crc32(b"%d" % index) for index in range(32))
STATES = [VALUES, tuple(value ^ 0xFFFF_FFFF for value in VALUES)]


def code_of(machine: str, data: bytes) -> Code:
    if machine == "riscv":
        return riscv.code_of(BASE, data, None)

    def read(address: int) -> Value:
        at = address - BASE
        return int.from_bytes(data[at : at + 4], "little") if 0 <= at <= len(data) - 4 else None

    return thumb.code_of(BASE, data, BASE + len(data), read)


def written(machine: str, source: str, folder: Path) -> list[Write]:
    name, package, flags = ASSEMBLERS[machine]
    start = ".option norelax\n" if machine == "riscv" else ".syntax unified\n.thumb\n"
    (folder / "source.s").write_text(f"{start}{source}\n")
    subprocess.run([tool(name, package), *flags, "source.s", "-o", "object.o"], cwd=folder, check=True)
    sections = parse_object((folder / "object.o").read_bytes(), "object.o").sections
    data = next(section.data for section in sections if section.name == ".text")
    assert data is not None
    return list(writes_of(code_of(machine, data)))


RISCV = {
    "lui a0, 0x12345\naddi a0, a0, -8\ncsrw mtvec, a0": 0x1234_4FF8,
    "auipc t0, 1\naddi t0, t0, 4\nori t0, t0, 1\ncsrw mtvec, t0": BASE + 0x1005,
    "c.lui a0, 0x10\nc.addi a0, 4\nc.mv a5, a0\ncsrw mtvec, a5": 0x1_0004,
    "c.li a0, 3\nc.slli a0, 28\nc.srli a0, 2\nc.andi a0, -4\ncsrrw zero, mtvec, a0": 0xC00_0000,
    "li a0, 0x80000124\nli a1, -4\nand a0, a0, a1\nor a0, a0, zero\ncsrw mtvec, a0": 0x8000_0124,
    "li a0, 0x400\nli a1, 0x30\nc.sub a0, a1\nc.add a0, a1\nxori a0, a0, 4\ncsrw mtvec, a0": 0x404,
    "li s0, 0x100\nbeqz a1, 1f\ncall 2f\n1: csrw mtvec, s0\n2: ret": 0x100,
    "li a0, 0x100\nbeqz a1, 1f\nli a0, 0x200\n1: csrw mtvec, a0": None,
    "li a0, 0x100\nj 1f\n2: ret\n1: csrw mtvec, a0\nj 2b": 0x100,
    "li a0, 0x100\nj 1f\nli a0, 0x200\n1: csrw mtvec, a0": None,
    "li a0, 0x100\n1: csrw mtvec, a0\naddi a0, a0, 4\nbnez a1, 1b": None,
    "li a0, 0x100\ncall 1f\ncsrw mtvec, a0\n1: ret": None,
    "li a0, 0x100\nlw a0, 0(a1)\ncsrw mtvec, a0": None,
    "li a0, 0x100\nmul a0, a0, a0\ncsrw mtvec, a0": None,
    "li a0, 0x100\namoadd.w a0, a1, (a2)\ncsrw mtvec, a0": None,
    "csrw mtvec, a0": None,
    "csrrw a2, mtvec, zero\nli a0, 0\ncsrw mtvec, a2": HELD,
    "csrr a2, mtvec\naddi a2, a2, 4\ncsrw mtvec, a2": None,
    "csrwi mtvec, 8": 8,
    "csrsi mtvec, 1": None,
    "li a0, 0x100\nret\n1: csrw mtvec, a0": None,
}
ARM = {
    "ldr r0, =0xe000ed08\nldr r1, =0x08000100\nstr r1, [r0]\n1: b 1b\n.ltorg": 0x0800_0100,
    "movw r2, #0xed9c\nmov r0, #0\nmovt r2, #0xe000\nstr.w r0, [r2, #-148]": 0,
    "mov r0, #0xe000e000\nmov.w r1, #0x10000000\nstr.w r1, [r0, #0xd08]": 0x1000_0000,
    "movs r0, #0xe0\nlsls r0, r0, #24\nldr r1, =0xed08\nadds r0, r0, r1\nmovs r1, #0\nstr r1, [r0]\nb .\n.ltorg": 0,
    "ldr r0, =0xe000ed00\nmovs r1, #4\nlsls r1, r1, #8\nstr r1, [r0, #8]\nb .\n.ltorg": 0x400,
    "ldr r0, =0xe000ed00\nadr r1, 1f\nstrd r1, r1, [r0, #4]\nb .\n.ltorg\n1: nop": BASE + 0x10,
    "ldr r0, =0xe000ed04\nmov r1, #8\nmov r2, #16\nstmia r0!, {r1, r2}\nb .\n.ltorg": 16,
    "ldr r0, =0xe000ed08\nmov r1, #8\nstr r1, [r0], #4\nb .\n.ltorg": 8,
    "ldr r0, =0xe000ed08\nmov r1, #8\nstl r1, [r0]\nb .\n.ltorg": 8,
    "ldr r0, =0xe000ed08\nmovs r1, #8\ncmp r2, #0\nit eq\nmoveq r1, #16\nstr r1, [r0]\nb .\n.ltorg": None,
    "ldr r0, =0xe000ed08\nmovs r1, #8\ncbz r2, 1f\nmovs r1, #16\n1: str r1, [r0]\nb .\n.ltorg": None,
    "ldr r0, =0xe000ed08\nmovs r1, #8\ncmp r2, #0\nit eq\nbeq 1f\n1: str r1, [r0]\nb .\n.ltorg": 8,
    "ldr r4, =0xe000ed08\nmovs r1, #8\nbl 1f\nstr r1, [r4]\n1: bx lr\n.ltorg": None,
    "ldr r4, =0xe000ed08\nmovs r5, #8\nbl 1f\nstr r5, [r4]\n1: bx lr\n.ltorg": 8,
    "ldr r0, =0xe000ed08\nmovs r1, #8\npop {r1}\nstr r1, [r0]\nb .\n.ltorg": None,
    "ldr r0, =0xe000ed08\nmovs r1, #8\nmrs r1, primask\nstr r1, [r0]\nb .\n.ltorg": None,
    "ldr r0, =0xe000ed08\nmovw r1, #8\nbfi r1, r2, #4, #4\nstr r1, [r0]\nb .\n.ltorg": None,
}


@pytest.mark.parametrize("source", RISCV)
def test_what_is_written_to_mtvec(source: str, tmp_path: Path) -> None:
    assert [w.value for w in written("riscv", source, tmp_path) if w.address == riscv.MTVEC][-1:] == [RISCV[source]]


@pytest.mark.parametrize("source", ARM)
def test_what_is_written_to_vtor(source: str, tmp_path: Path) -> None:
    assert [w.value for w in written("arm", source, tmp_path) if w.address == thumb.VTOR] == [ARM[source]]


def listing(machine: str) -> Iterator[tuple[bytes, str, str]]:
    """Every instruction of a library that nobody here wrote: its bytes, mnemonic and operands."""
    package, path = LIBRARIES[machine]
    if not Path(path).exists():
        tool(path, package)
    command = [tool("llvm-objdump-19", "llvm-19"), "-d"]
    command += ["--triple=thumbv7m"] if machine == "arm" else ["--triple=riscv32", "--mattr=+m,+a,+c"]
    text = subprocess.run([*command, path], capture_output=True, text=True, check=True).stdout
    seen = set()
    for line in text.splitlines():
        found = re.match(r"\s*[0-9a-f]+:\s+((?:[0-9a-f]{4,8} ?)+?)\s+([a-z][\w.]*)\s*(.*)", line)
        if found is None or found[2].startswith((".", "udf")) or found[2] in ("unimp", "c.unimp"):
            continue
        words = found[1].split()
        data = b"".join(int(word, 16).to_bytes(len(word) // 2, "little") for word in words)
        if (data, found[2]) not in seen:
            seen.add((data, found[2]))
            yield data, found[2], found[3]


KEEPS = {
    "arm": (
        "str",
        "stm",
        "push",
        "cmp",
        "cmn",
        "tst",
        "teq",
        "cb",
        "nop",
        "dsb",
        "isb",
        "svc",
        "bkpt",
        "b",
        "pld",
        "tb",
        "ldm",
        "pop",
    ),
    "riscv": (
        "s",
        "b",
        "j",
        "ret",
        "ebreak",
        "ecall",
        "fence",
        "c.s",
        "c.b",
        "c.j",
        "nop",
        "c.nop",
        "c.ebreak",
        "tail",
    ),
}
CHANGES = {
    "arm": ("sub", "sbc", "bic", "bfi", "bfc", "sxt", "smull", "smlal"),
    "riscv": ("sll", "srl", "sra", "sub", "slt", "seqz", "snez", "sltz", "sgtz", "c.sub", "c.sll", "c.srl", "c.sra"),
}


def changed(machine: str, mnemonic: str, operands: str) -> set[int]:
    """The registers that a disassembler says an instruction writes, calls and program counter aside."""
    names = REGISTERS[machine]
    found: set[int] = set()
    if mnemonic.startswith(CHANGES[machine]) or not mnemonic.startswith(KEEPS[machine]):
        first = operands.split(",")[: 2 if re.match(r"ldrd|[us]ml?ull|[us]mlal", mnemonic) else 1]
        found |= {names[one.strip(" !")] for one in first if one.strip(" !") in names}
    if machine == "arm":
        if mnemonic.startswith(("pop", "ldm")):
            found |= {names[one] for one in re.findall(r"\w+", operands.partition("{")[2]) if one in names}
        for base in re.findall(r"\[(\w+)[^\]]*\](?:!|, #)", operands):
            found.add(names[base])
        if mnemonic.startswith(("push", "pop")):
            found.add(13)
        if mnemonic.startswith(("stm", "ldm")):
            found |= {names[operands.split("!")[0]]} if "!" in operands else set()
    return found


@pytest.mark.parametrize("machine", list(LIBRARIES))
def test_no_register_that_a_real_instruction_writes_is_taken_for_kept(machine: str) -> None:
    count = 0
    for data, mnemonic, operands in listing(machine):
        code = code_of(machine, data)
        step = code.step(BASE, STATES[0][: code.registers])
        assert step.size == len(data), mnemonic
        count += 1
        # By chance an instruction leaves one value as it was (ORI of an odd one), not all of them.
        for register in changed(machine, mnemonic, operands) - {0 if machine == "riscv" else -1}:
            before = [state[: code.registers] for state in STATES]
            same = all(code.step(BASE, state).after[register] == state[register] for state in before)
            to_itself = re.fullmatch(r"(c\.)?(mv|mov(s|\.w)?)", mnemonic) and len(set(re.findall(r"\w+", operands))) < 2
            nothing = operands.endswith((", #0x0", ", 0x0"))
            assert not same or to_itself or nothing, f"{mnemonic} {operands} keeps {register}"
    assert count > 3000
