"""The lock is read back as it was written, or refused with its faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from layoutplan.address import AddressRange
from layoutplan.errors import BadInput
from layoutplan.inputs import read_lock
from layoutplan.inputs.lock import read_lock_bytes
from layoutplan.model.lock import LockedBlock

GOOD = """version = 1

[block."uart.data"]
memory = "ram"
base = 536875008
size = 1152
cover = [[536875008, 1024], [536876032, 128]]
"""


def refused(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        read_lock_bytes(text.encode(), "layout.lock")
    return str(caught.value)


def test_a_lock_is_read(tmp_path: Path) -> None:
    path = tmp_path / "layout.lock"
    assert read_lock(path) is None
    path.write_text(GOOD)
    lock = read_lock(path)
    assert lock is not None
    cover = (AddressRange(536875008, 536876032), AddressRange(536876032, 536876160))
    assert lock.blocks == {
        "uart.data": LockedBlock(memory="ram", granted=AddressRange(536875008, 536876160), cover=cover)
    }


def test_without_isolation_there_is_no_cover() -> None:
    text = GOOD.replace("[[536875008, 1024], [536876032, 128]]", "[]")
    assert read_lock_bytes(text.encode(), "layout.lock").blocks["uart.data"].cover == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "version = 1",
            "version = 2",
            "error[lock-version]: the lock has version 2, and this layoutplan reads version 1\n"
            "  at layout.lock:1: version\nhint: use the layoutplan that wrote it, or delete the lock",
        ),
        (
            "base =",
            "bsae =",
            "error[missing-key]: [block.uart.data] needs `base`\n  at layout.lock:3: block.uart.data.base\n"
            "hint: give an address: a whole number from 0 to 0xffff_ffff\n"
            "error[unknown-key]: `bsae` is not a key of [block.uart.data]\n  at layout.lock:5: block.uart.data.bsae\n"
            "hint: did you mean `base`?",
        ),
        (
            "size = 1152",
            "size = 0",
            "error[bad-value]: `block.uart.data.size` is 0, expected a number of bytes above zero\n"
            "  at layout.lock:6: block.uart.data.size\nhint: restore the committed lock, or delete it",
        ),
        (
            "[536876032, 128]",
            "[536876064, 128]",
            "error[bad-lock]: the cover of `uart.data` does not add up to [0x2000_1000, 0x2000_1480)\n"
            "  at layout.lock:7: block.uart.data.cover\nhint: restore the committed lock, or delete it",
        ),
        (
            "version = 1",
            "<<<<<<< HEAD",
            "error[not-toml]: Invalid statement (at line 1, column 1)\n  at layout.lock\n"
            "hint: restore the committed lock, or delete it",
        ),
    ],
)
def test_a_broken_lock_has_exactly_its_message(old: str, new: str, message: str) -> None:
    assert old in GOOD
    assert refused(GOOD.replace(old, new)) == message
