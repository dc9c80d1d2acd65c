"""Names from an SVD file, and what is said of a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.errors import BadInput
from layoutplan.inputs import read_manifest
from layoutplan.inputs.svd import read_svd

SVD = """<?xml version="1.0" encoding="utf-8"?>
<device schemaVersion="1.3">
  <name>TEST</name>
  <peripherals>
    <peripheral>
      <name>USART1</name>
      <baseAddress>0x40011000</baseAddress>
      <addressBlock><offset>0x0</offset><size>0x400</size><usage>registers</usage></addressBlock>
      <interrupt><name>USART1</name><value>37</value></interrupt>
    </peripheral>
    <peripheral derivedFrom="USART1">
      <name>USART6</name>
      <baseAddress>1073812480</baseAddress>
      <interrupt><name>USART6</name><value>0x47</value></interrupt>
    </peripheral>
    <peripheral>
      <name>ETH</name>
      <baseAddress>#01000000000000101000000000000000</baseAddress>
      <addressBlock><offset>0</offset><size>0x100</size></addressBlock>
      <addressBlock><offset>0x100</offset><size>0x100</size></addressBlock>
      <addressBlock><offset>0x1000</offset><size>0x100</size></addressBlock>
    </peripheral>
  </peripherals>
</device>
"""

MANIFEST = """
manifest-version = 1
[target]
chip = "stm32f100"
svd = "chip.svd"
[component.mix]
sizes = { code = 64 }
entry = "main"
stack = 64
peripherals = ["usart6"]
interrupts = ["USART6"]
"""


def write(folder: Path, manifest: str = MANIFEST, svd: str = SVD) -> Path:
    (folder / "chip.svd").write_text(svd)
    (folder / "layout.toml").write_text(manifest)
    return folder / "layout.toml"


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_manifest(path, {})
    return str(caught.value)


def test_peripherals_derived_ones_too_and_interrupts(tmp_path: Path) -> None:
    read = read_manifest(write(tmp_path), {})
    assert [(p.name, p.range) for p in read.system.peripherals] == [("usart6", AddressRange(0x4001_1400, 0x4001_1800))]
    assert read.system.component("mix").interrupts == (71,)
    assert read.files == (tmp_path / "layout.toml", tmp_path / "chip.svd")


def test_adjoining_blocks_are_one_range_and_others_stay_apart(tmp_path: Path) -> None:
    write(tmp_path)
    assert read_svd(tmp_path / "chip.svd").peripherals["eth"] == (
        AddressRange(0x4002_8000, 0x4002_8200),
        AddressRange(0x4002_9000, 0x4002_9100),
    )
    assert refused(write(tmp_path, MANIFEST.replace('"usart6"', '"eth"'))) == (
        "error[scattered-peripheral]: `eth` has 2 separate ranges in the SVD file: "
        "[0x4002_8000, 0x4002_8200), [0x4002_9000, 0x4002_9100)\n"
        "  at layout.toml:10: component.mix.peripherals[0]\n"
        "hint: describe the one that is needed as a [peripheral] of its own"
    )


def test_a_bus_master_of_the_catalogue_stays_one_under_another_name(tmp_path: Path) -> None:
    svd = SVD.replace("0x40011000", "0x40020000").replace("USART1", "MOVER")
    manifest = (
        MANIFEST.replace('"usart6"', '"mover"')
        .replace(', "USART6"', "")
        .replace("[component.mix]", '[component.mix]\ntrust = "untrusted"\naccept = ["no-isolation"]')
    )
    assert "`mover` is a way to memory past the regions" in refused(write(tmp_path, manifest, svd))


def test_the_nearest_name_may_come_from_the_svd(tmp_path: Path) -> None:
    message = refused(write(tmp_path, MANIFEST.replace('"usart6"', '"usrt6"').replace('"USART6"', '"USRT6"')))
    assert "hint: did you mean `usart6`?" in message
    assert "hint: did you mean `USART6`?" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</device>", "", "not XML: no element found: line 25, column 0"),
        ("device", "system", "the file describes a <system> and not a <device>"),
        ("0x40011000", "fourty", "peripheral `USART1`: <baseAddress> is 'fourty' and not a number"),
        ('derivedFrom="USART1"', "", "peripheral `USART6`: no address block, and nothing to derive one from"),
        (
            'derivedFrom="USART1"',
            'derivedFrom="USART6"',
            "peripheral `USART6`: no address block, and nothing to derive one from",
        ),
        (
            "<size>0x400</size>",
            "<size>0</size>",
            "peripheral `USART1`: an address block of 0x0 bytes at 0x40011000 is not in the address space",
        ),
        ("<value>37</value>", "<value/>", "peripheral `USART1`: <value> is '' and not a number"),
    ],
)
def test_a_broken_file_has_its_message(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in SVD
    text = refused(write(tmp_path, svd=SVD.replace(old, new)))
    assert f"error[bad-svd]: {message}\n  at {tmp_path}/chip.svd" in text


def test_entities_do_not_multiply(tmp_path: Path) -> None:
    bomb = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 50}">' for i in range(8))
    text = f'<?xml version="1.0"?><!DOCTYPE device [<!ENTITY e0 "xxxxxxxxxx">{bomb}]><device><name>&e8;</name></device>'
    (tmp_path / "chip.svd").write_text(text)
    with pytest.raises(BadInput, match="amplification"):
        read_svd(tmp_path / "chip.svd")


@settings(deadline=None, derandomize=True, max_examples=100, database=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6), st.integers(0, 1 << 16))
def test_any_bytes_are_an_svd_or_a_fault(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[int, int]], cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.svd"
    data = bytearray(SVD.encode())
    for position, value in mutations:
        data[position % len(data)] = value
    path.write_bytes(bytes(data) if cut % 4 else bytes(data[: cut % len(data)]))
    try:
        read_svd(path)
    except BadInput as error:
        assert all(fault.message and "\n" not in fault.message for fault in error.faults)  # noqa: PT017 - either is right
