"""Smepmp: both modes' rights by table 1, in three readings; locks in a switch; no flipped bit unnoticed."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.check import check_plan
from layoutplan.check.elf.image import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, parse_image
from layoutplan.check.evidence import evidence_files
from layoutplan.check.proof import script
from layoutplan.check.proof.lemmas import lemmas
from layoutplan.check.proof.prove import Answer, decide
from layoutplan.check.proof.units import reading_of
from layoutplan.check.sabotage import lockdown, reference, reference_image, reference_objects
from layoutplan.check.sabotage.flips import FlipClass, classify_flips
from layoutplan.check.sabotage.plans import free_slot
from layoutplan.check.sabotage.writer import Piece
from layoutplan.check.switch.execution import Machine, execute
from layoutplan.check.switch.program import Store
from layoutplan.check.switch.table import read_table
from layoutplan.check.timing import cvc5_answer
from layoutplan.check.verify import verify_elf
from layoutplan.model.access import UnitName
from layoutplan.model.memory import Target
from layoutplan.model.plan import Words
from tests import toolchain
from tests.check import oracle
from tests.check.test_decoders import pmp

SYSTEM = lockdown.system(reference.system(UnitName.PMP))
PLAN = lockdown.plan(reference.plan(UnitName.PMP))
READING = reading_of(UnitName.PMP, lockdown=True)

TABLE = {
    # L R W X: M-mode, U-mode (Smepmp 1.0, table 1)
    "----": ("", ""),
    "---x": ("", "x"),
    "--w-": ("rw", "r"),
    "--wx": ("rw", "rw"),
    "-r--": ("", "r"),
    "-r-x": ("", "rx"),
    "-rw-": ("", "rw"),
    "-rwx": ("", "rwx"),
    "l---": ("", ""),
    "l--x": ("x", ""),
    "l-w-": ("x", "x"),
    "l-wx": ("rx", "x"),
    "lr--": ("r", ""),
    "lr-x": ("rx", ""),
    "lrw-": ("rw", ""),
    "lrwx": ("r", "r"),
}
BITS = {"l": 0x80, "r": 1, "w": 2, "x": 4}


def chip() -> Target:
    return SYSTEM.target


@pytest.mark.parametrize("row", TABLE)
def test_every_row_of_the_table(row: str) -> None:
    word = (0x2000_0000 >> 2 | 0x1F, 0x18 | sum(BITS[letter] for letter in row if letter != "-"))
    (interval,) = READING.decoder.intervals([word], chip())
    assert (interval.privileged.letters, interval.user.letters) == TABLE[row]
    assert not list(READING.decoder.malformed([word], chip()))


def expected(words: list[Words], address: int) -> tuple[str, str]:
    """One byte at a time: the first entry that matches, by the tests' own decoder, then the table."""
    for index, (pmpaddr, config) in enumerate(words):
        below = words[index - 1][0] if index else 0
        if oracle.rights(UnitName.PMP, ((below, 0), (pmpaddr, config & 0x18 | 1)), address):
            row = "".join(letter if config & BITS[letter] else "-" for letter in "lrwx")
            return TABLE[row]
    return "", ""


def entries() -> st.SearchStrategy[list[Words]]:
    locked = st.builds(lambda words, lock: (words[0], words[1] | lock), pmp(), st.sampled_from([0, 0x80]))
    return st.lists(locked, min_size=1, max_size=8)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(entries())
def test_any_entries_are_read_alike_for_both_modes(words: list[Words]) -> None:
    intervals = READING.decoder.intervals(words, chip())
    edges = {edge for i in intervals for edge in (i.range.base, i.range.end)}
    for address in {side for edge in edges for side in (edge - 1, edge) if 0 <= side < 1 << 32}:
        mine = next(((i.privileged.letters, i.user.letters) for i in intervals if address in i.range), ("", ""))
        assert mine == expected(words, address), hex(address)
    head = READING.text.constants(chip()) + script.prelude(READING.text.prelude) + "(declare-const a Addr)\n"
    head += READING.text.functions("p", words, chip()) + "\n"
    user = script.choose([(i.range, script.rights(i.user)) for i in intervals], "#b000")
    machine = script.choose([(i.range, script.rights(i.privileged)) for i in intervals], "#b000")
    different = f"(and (issued a) (not (and (= (user.p a) {user}) (= (privileged.p a) {machine}))))"
    malformed = script.any_of(READING.text.malformed(words, chip()))
    (answer, witness), (bad, _) = decide(head, [different, malformed])
    assert answer is Answer.UNSAT, witness
    assert (bad is Answer.SAT) == any(True for _ in READING.decoder.malformed(words, chip()))


def test_the_reference_holds_with_one_obligation_more_for_each_partition() -> None:
    verdict = check_plan(SYSTEM, PLAN)
    assert verdict.holds, (verdict.findings, verdict.unknown)
    plain = check_plan(reference.system(UnitName.PMP), reference.plan(UnitName.PMP))
    assert verdict.obligations == plain.obligations + len(reference.PARTITIONS)
    image = parse_image(lockdown.image().elf(), "good.elf")
    assert verify_elf(image, SYSTEM, None, reference_objects.objects(UnitName.PMP)).holds


@pytest.mark.parametrize(
    ("address", "flags", "lost"),
    [
        (reference.RAM.base + 0xC00, SHF_ALLOC | SHF_EXECINSTR, "execute `kernel .ramfunc`"),
        (0x0300_0000, SHF_ALLOC, "read `kernel .ramfunc`"),
        (0x0300_0000, SHF_ALLOC | SHF_WRITE, "read and write `kernel .ramfunc`"),
    ],
    ids=["code in RAM", "constants outside", "data outside"],
)
def test_a_section_of_the_kernels_that_its_entries_do_not_serve(address: int, flags: int, lost: str) -> None:
    """Without Smepmp M-mode may execute RAM; with it the first call would fault."""
    image = lockdown.image()
    image.pieces.append(Piece(".ramfunc", address, data=b"\x13\0\0\0", flags=flags))
    verdict = verify_elf(parse_image(image.elf(), "ramfunc.elf"), SYSTEM, None, reference_objects.objects(UnitName.PMP))
    said = [f.message for f in verdict.findings if f.rule == "kernel-access"]
    assert said == [f"the kernel cannot {lost} while `{name}` runs" for name in reference.PARTITIONS]


@pytest.mark.parametrize(
    ("mseccfg", "said"),
    [
        (None, "no code of the kernel writes `mseccfg`: without MML its entries are everybody's"),
        (0b01, "`mseccfg` is set to 0x00000001, not to 0x00000003"),
        (0b111, "`mseccfg` is set to 0x00000007, not to 0x00000003"),
    ],
    ids=["nothing", "MML alone", "RLB too"],
)
def test_what_the_kernels_code_writes_to_mseccfg(mseccfg: int | None, said: str) -> None:
    image = parse_image(lockdown.image(mseccfg=mseccfg).elf(), "mseccfg.elf")
    verdict = verify_elf(image, SYSTEM, None, reference_objects.objects(UnitName.PMP))
    assert [(f.rule, f.message) for f in verdict.findings] == [("unit-control", said)]


def test_without_smepmp_the_kernels_code_leaves_mseccfg_alone() -> None:
    image = reference_image.image(UnitName.PMP)
    text, at = image.piece(".text"), reference_image.SET_VECTORS + 12
    write = struct.pack("<II", 3 << 20 | 10 << 7 | 0x13, 0x747 << 20 | 10 << 15 | 1 << 12 | 0x73)
    text.data = text.data[:at] + write + text.data[at + len(write) :]
    system, objects = reference.system(UnitName.PMP), reference_objects.objects(UnitName.PMP)
    verdict = verify_elf(parse_image(image.elf(), "mseccfg.elf"), system, None, objects)
    assert [f.message for f in verdict.findings] == ["`mseccfg` is set to 0x00000003, not to 0x00000000"]


def test_cvc5_gives_every_expected_answer(tmp_path: Path) -> None:
    toolchain.module("cvc5")
    elf = tmp_path / "firmware.elf"
    elf.write_bytes(lockdown.image().elf())
    verdict, files = evidence_files(elf, SYSTEM)
    assert verdict.holds
    expected = [line.split() for line in files["expected.txt"].splitlines()]
    # What the other units show of the other rules need not be shown again.
    own = [(answer, name) for answer, name in expected if "kernel-" in name or "transition" in name]
    assert len(own) == 2 * 3 * len(reference.PARTITIONS)
    for answer, name in own:
        assert cvc5_answer(files[name]) == answer, name


def test_lemmas() -> None:
    for lemma in lemmas(UnitName.PMP, chip()):
        answers = [answer for answer, _ in decide(lemma.definitions, [lemma.asserted, lemma.control])]
        assert answers == [Answer.UNSAT, Answer.SAT], lemma.name


def test_every_flipped_bit_is_classed() -> None:
    flips = classify_flips(parse_image(lockdown.image().elf(), "good.elf"), SYSTEM)
    assert len(flips) == 32 * (2 * (lockdown.STATIC + 3 * reference.DYNAMIC) + 6)
    assert {flip.outcome for flip in flips} == {FlipClass.MALFORMED, FlipClass.REFUTED, FlipClass.DONT_CARE}


def messages(symbol: str, offset: int, value: int) -> set[str]:
    image = lockdown.image()
    image.patch(symbol, offset, value)
    table, _ = read_table(parse_image(image.elf(), "patched.elf"), SYSTEM)
    assert table is not None
    return {finding.message for finding in execute(SYSTEM, table, 0)[1].findings}


def test_a_switch_locks_nothing_and_rewrites_nothing_that_is_locked() -> None:
    configs = lockdown.image().word("LP_DYNAMIC_CFG", 0)
    assert messages("LP_DYNAMIC_CFG", 0, configs) == set()
    first = lockdown.STATIC
    lock = 0x80 << 8 * (first % 4)
    locked = f"slot {first} is locked by the switch, so that no later one can rewrite it"
    assert locked in messages("LP_DYNAMIC_CFG", 0, configs | lock)
    # Slot 9 shares a configuration register with the first dynamic ones: locked at boot, it stays as it is.
    assert messages("LP_STATIC", 8 * (first - 1) + 4, 0x80) == {
        f"a write of 0x00 to the pmpcfg byte of slot {first - 1}, which is locked"
    }


def test_a_locked_tor_holds_the_address_before_it() -> None:
    """As a table would have it whose static slots come last: the first of them a TOR over the last dynamic one."""
    machine = Machine(UnitName.PMP, 4, 0, {0: [None, None], 1: [None, None], 2: [0, 0x8D], 3: [0, 0]})
    machine.run([Store(address=0x3B0, value=1), Store(address=0x3B1, value=2), Store(address=0x3B2, value=3)])
    assert machine.state[0][0] == 1
    assert machine.state[1][0] is None
    assert machine.state[2][0] == 0
    assert machine.faults == ["a write to pmpaddr1, which is locked", "a write to pmpaddr2, which is locked"]


def test_a_cap_does_not_count_the_kernels_entries() -> None:
    used = {
        name: sum(slot.words != (0, 0) and not slot.static for slot in slots) for name, slots in PLAN.registers.items()
    }
    capped = replace(SYSTEM, partitions=tuple(replace(p, slots=used[p.name]) for p in SYSTEM.partitions))
    assert check_plan(capped, PLAN).holds
    fewer = replace(SYSTEM, partitions=tuple(replace(p, slots=used[p.name] - 1) for p in SYSTEM.partitions))
    assert {finding.rule for finding in check_plan(fewer, PLAN).findings} == {"slot-cap"}


def test_the_kernels_device_is_nobody_elses() -> None:
    """A partition that reaches it is told whose it is."""
    wide = (lockdown.TIMER.base >> 2 | (lockdown.TIMER.size >> 3) - 1, 0x18 | 3)
    slots = tuple(
        replace(
            slot,
            words=(0, 0) if slot.index == lockdown.DEVICE else wide if slot.index == free_slot(PLAN) else slot.words,
        )
        for slot in PLAN.registers["uart"]
    )
    verdict = check_plan(SYSTEM, replace(PLAN, registers={**PLAN.registers, "uart": slots}))
    said = [f.message for f in verdict.findings if f.rule == "isolation"]
    assert said == ["may read and write what belongs to kernel mtimer (slot 10)"]
