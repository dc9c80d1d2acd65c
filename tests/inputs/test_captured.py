"""Which names a component may show to the kernel, and that a linker would have bound the kernel to the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from layoutplan.errors import BadInput
from layoutplan.inputs.captured import is_captured
from layoutplan.inputs.manifest import read_manifest_bytes

CAPTURED = (
    *("memcpy", "memset", "bcmp", "strlen", "sqrtf", "fmod", "__aeabi_memclr4", "__divdi3", "__atomic_load_4"),
    *("_start", "__lp_net_data_start", "LP_DYNAMIC", "Reset", "SysTick", "HardFault", "SVC_Handler"),
    *("USART1_IRQHandler", "rust_begin_unwind", "_RNvCsf_7___rustc17rust_begin_unwind", "_Znwj", "_ZdlPv"),
    *("_ZN4core9panicking5panic17h0123456789abcdefE", "memcpy@@V1", "abort", "MachineTimer"),
)
FREE = (
    *("uart_main", "poll", "reset", "main", "gust:mpu/iso@0.1.0#try-add-region", "_ZN3app4mainEv", "logger", "sinus"),
    *("memcpy_fast", "lp_main", "Resetter", "handler", "qsort", "strstr"),
)


@pytest.mark.parametrize("name", CAPTURED)
def test_the_kernels_names_are_not_for_components(name: str) -> None:
    assert is_captured(name)


@pytest.mark.parametrize("name", FREE)
def test_a_components_own_names_are(name: str) -> None:
    assert not is_captured(name)


def test_interrupts_of_the_chip_are_the_kernels() -> None:
    assert is_captured("TIMER0", {"TIMER0": 8})
    assert not is_captured("TIMER0", {"TIMER1": 9})


MANIFEST = """
manifest-version = 1
[target]
chip = "{chip}"
[component.mix]
sizes = {{ code = 100 }}
exports = ["poll"]
[runtime]
objects = ["runtime.o"]
exports = ["add", "{name}"]
"""


@pytest.mark.parametrize(("chip", "name"), [("virt", "memcpy"), ("mps2-an385", "UART0_RX")])
def test_the_runtime_is_held_to_it_too(chip: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "runtime.o").touch()
    path = tmp_path / "layout.toml"
    with pytest.raises(BadInput) as caught:
        read_manifest_bytes(MANIFEST.format(chip=chip, name=name).encode(), path, {})
    assert [fault.code for fault in caught.value.faults] == ["captured-symbol"]
    assert "layout.toml:10: runtime.exports" in caught.value.faults[0].where
    assert "each seals a `memcpy` of its own" in caught.value.faults[0].hint
    read_manifest_bytes(MANIFEST.format(chip=chip, name="sub").encode(), path, {})
