"""Names that the linker script, the Rust table and sealing agree on."""

from __future__ import annotations

import re

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-")


def symbol(name: str) -> str:
    """``name`` as part of a symbol: ``gps-driver`` becomes ``gps_driver``."""
    return re.sub(r"[.:-]", "_", name)


def constant(name: str) -> str:
    """``name`` as part of a Rust constant: ``GPS_DRIVER``."""
    return symbol(name).upper()


def output_section(part: str) -> str:
    """The output section of a part: ``.lp.uart.text``, ``.lp.uart.linear_memory``.

    ``-`` becomes ``_``: inside ``SIZEOF()`` GNU ld reads it as a minus sign.
    """
    return ".lp." + re.sub(r"[:]", ".", part).replace("-", "_")


def input_pattern(section: str) -> str:
    """A wildcard pattern that matches the input section's name, in either linker.

    Names of function sections may hold ``:``, ``@`` or ``#``, which are punctuation in a script, and quoting means
    different things to the two linkers. ``?`` stands for one byte to both. The size that the script asserts shows
    should it ever match a second section.
    """
    return "".join(chr(byte) if byte in _PLAIN else "?" for byte in section.encode())
