"""``explain``: owner, part and access of an address, from the registers and not from the plan's intentions."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from layoutplan import report
from layoutplan.address import AddressRange
from layoutplan.errors import BadInput
from layoutplan.model.access import UnitName
from layoutplan.model.memory import Reserve
from layoutplan.model.plan import DISABLED, Slot, Solved
from tests.conftest import Golden
from tests.report.build import PROVED, pmsav7, small_outcome, small_plan, small_system


@pytest.fixture
def planned() -> dict[str, Any]:
    reserves = (Reserve(memory="ram", range=AddressRange.of(0x2000_1000, 0x100)),)
    return report.document(small_system(reserves=reserves), small_outcome(), PROVED)


@pytest.mark.parametrize(
    ("subject", "owner", "state", "block", "part"),
    [
        ("0x2000_7204", "mix", "used", "mix.data", "mix.stack"),
        ("536900404", "mix", "used", "mix.data", None),
        (0x2000_7680 - 1, "mix", "padding", "mix.data", None),
        (0x2000_7680, None, "gap", None, None),
        ("__lp_mix_data_start", "mix", "used", "mix.data", "mix.stack"),
        ("__lp_shared_ring_end", "shared:ring", "padding", "shared:ring", None),
        ("ring", "shared:ring", "used", "shared:ring", "ring"),
        ("uart.bss", "io", "used", "io.data", "uart.bss"),
        ("uart_main", "io", "used", "io.code", "uart.text"),
        ("uart0", "io", "peripheral", None, None),
        (0x2000_1080, None, "reserved", None, None),
        (0x2000_1100, "kernel", "kernel", None, None),
        (0xE000_ED94, None, "outside", None, None),
    ],
)
def test_owner_and_state(
    planned: dict[str, Any], subject: str | int, owner: str | None, state: str, block: str | None, part: str | None
) -> None:
    found = report.explain(planned, subject)
    assert (found["owner"], found["state"], found["block"]) == (owner, state, block)
    assert (found["part"]["name"] if found["part"] else None) == part


@pytest.mark.parametrize(
    ("address", "io", "mix"),
    [
        (0x2000_71FF, ("", None), ("", None)),
        (0x2000_7200, ("", None), ("rw", 4)),
        (0x2000_75FF, ("", None), ("rw", 4)),
        (0x2000_7600, ("", None), ("rw", 5)),
        (0x2000_7680, ("", None), ("", None)),
        (0x2000_7700, ("rw", 5), ("r", 6)),
        (0x4000_4FFF, ("rw", 6), ("", None)),
        (0x4000_5000, ("", None), ("", None)),
        (0x0800_EC00, ("", None), ("rx", 3)),
    ],
)
def test_access_at_every_edge(
    planned: dict[str, Any], address: int, io: tuple[str, int | None], mix: tuple[str, int | None]
) -> None:
    access = {
        entry["partition"]: (entry["access"], entry["slot"]) for entry in report.explain(planned, address)["access"]
    }
    assert access == {"io": io, "mix": mix}


def test_of_two_slots_that_match_the_higher_decides_on_armv7m() -> None:
    plan = small_plan()
    low = Slot(index=2, words=pmsav7(0x2000_7000, 0x1000, 0, 0b110 << 24), static=True)
    slots = (*plan.registers["io"][:2], low, *plan.registers["io"][3:])
    both = dataclasses.replace(plan, registers={**plan.registers, "io": slots})
    found = report.explain(report.document(small_system(), Solved(plan=both), PROVED), 0x2000_7700)
    assert found["access"][0] == {"partition": "io", "access": "rw", "slot": 5}


def test_of_two_entries_that_match_the_lower_decides_on_pmp() -> None:
    """Entry 0: NA4 without rights; entry 1: NAPOT of 32 bytes around it, rw."""
    slots = (
        Slot(index=0, words=(0x2000_7804 >> 2, 0x10)),
        Slot(index=1, words=(0x2000_7800 >> 2 | 3, 0x1B)),
        *(Slot(index=i, words=DISABLED) for i in range(2, 8)),
    )
    plan = dataclasses.replace(small_plan(), unit=UnitName.PMP, registers={"io": slots})
    system = small_system()
    system = dataclasses.replace(system, target=dataclasses.replace(system.target, unit=UnitName.ARMV7M))
    document = {**report.document(system, Solved(plan=plan), PROVED), "unit": "pmp"}
    assert report.explain(document, 0x2000_7804)["access"] == [{"partition": "io", "access": "", "slot": 0}]
    assert report.explain(document, 0x2000_7808)["access"] == [{"partition": "io", "access": "rw", "slot": 1}]
    assert report.explain(document, 0x2000_7820)["access"] == [{"partition": "io", "access": "", "slot": None}]


def test_an_unknown_name_is_refused_with_the_nearest(planned: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        report.explain(planned, "uart.bs")
    assert str(caught.value) == "error[unknown-name]: the report knows no `uart.bs`\nhint: did you mean `uart.bss`?"


def test_without_isolation_nothing_is_denied() -> None:
    plan = dataclasses.replace(small_plan(), unit=UnitName.NONE, registers={})
    found = report.explain(report.document(small_system(isolated=False), Solved(plan=plan), PROVED), 0x2000_7204)
    assert found["unrestricted"]
    assert "no protection unit is in use" in report.explain_text(found)


@pytest.mark.parametrize("subject", ["mix.bss", "uart0", "0x20007334", "0x20007690"])
def test_golden_text(golden: Golden, planned: dict[str, Any], subject: str) -> None:
    golden(f"explain-{subject}.txt", report.explain_text(report.explain(planned, subject)))


@pytest.mark.parametrize("subject", ["0x1_0000_0000", "-1"])
def test_an_address_beyond_32_bits_is_refused(planned: dict[str, Any], subject: str) -> None:
    with pytest.raises(BadInput, match="they go from 0 to 0xffff_ffff"):
        report.explain(planned, subject)
