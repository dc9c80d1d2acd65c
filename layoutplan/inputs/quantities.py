"""Sizes and percentages as the manifest writes them."""

from __future__ import annotations

_UNITS = {"K": 1024, "M": 1024 * 1024}


def size_of(written: int | str) -> int:
    """Bytes: a whole number, or text such as ``"512"``, ``"1K"``, ``"2M"``. The schema has checked the form."""
    if isinstance(written, int):
        return written
    if written[-1] in _UNITS:
        return int(written[:-1]) * _UNITS[written[-1]]
    return int(written)


def fraction_of(written: str) -> float:
    """A percentage such as ``"1%"`` as a fraction of one."""
    return float(written.removesuffix("%")) / 100
