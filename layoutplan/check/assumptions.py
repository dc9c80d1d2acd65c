"""What the proof takes for granted, numbered, each with who has to see to it. Printed into every evidence folder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One assumption of use."""

    number: int
    text: str
    discharged_by: str


ASSUMPTIONS: tuple[Assumption, ...] = tuple(
    Assumption(number=number, text=text, discharged_by=who)
    for number, (text, who) in enumerate(
        (
            (
                "The image that runs is the image that was verified, byte for byte.",
                "integrator: hash of the flashed image",
            ),
            ("One core in one security state runs partitions; no other core reaches their memory.", "integrator"),
            (
                "Nothing but the core changes or remaps partitions' or the kernel's memory, unless DMA was accepted.",
                "integrator",
            ),
            (
                "The catalogue entry lists every memory, alias and hard-wired entry of the chip.",
                "chip entry, by its sources",
            ),
            (
                "Boot clears every slot and writes LP_STATIC before the first partition runs.",
                "switch code; emulator trace",
            ),
            (
                "A switch performs the stores of the table's contract, in order, and nothing else writes the unit.",
                "switch code; emulator trace",
            ),
            (
                "From the first store of a switch to its last barrier no unprivileged code runs.",
                "switch code: handlers run to their end",
            ),
            (
                "The kernel's code reads the table where its symbols say, by volatile reads.",
                "switch code; verify sees that it names the table",
            ),
            ("Reserved slots permit unprivileged code nothing and cover no partition's bytes.", "kernel author"),
            (
                "Armv8-M: boot writes 0x0444AAFF to MPU_MAIR0 and zero to MPU_MAIR1.",
                "switch code, from the table's constant; verify, as far as its code shows it",
            ),
            (
                "Arm: MPU_CTRL holds the table's MPU_CONTROL while partitions run: PRIVDEFENA as planned, no HFNMIENA; "
                "the private peripheral bus refuses unprivileged code.",
                "switch code; verify, as far as its code shows it; architecture",
            ),
            (
                "RISC-V: mseccfg holds the table's MSECCFG while partitions run, and was zero before: zero, or with "
                "Smepmp MML and MMWP without RLB. Partitions run in U-mode without paging.",
                "boot code, which else does not start; verify, as far as its code shows it; emulator trace",
            ),
            (
                "An unaligned access across the end of a region, or of one that denies, faults or is split into parts "
                "that are checked each.",
                "architecture; silicon",
            ),
            ("The kernel checks every pointer from a partition against LP_GRANTS.", "switch code, tested on the host"),
            (
                "Registers and floating-point state are cleared between partitions, contexts are in kernel memory.",
                "switch code; attack suite",
            ),
            (
                "Components run no privileged code: no handlers, no constructors, no calls from the kernel.",
                "verify, as far as direct references show",
            ),
            ("A component's own memory is initialised from LP_INIT before it runs.", "boot code"),
        ),
        start=1,
    )
)


def assumptions_text() -> str:
    """One numbered line each."""
    return "".join(f"A{a.number}. {a.text} [{a.discharged_by}]\n" for a in ASSUMPTIONS)
