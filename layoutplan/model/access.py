"""The few closed sets of words that the manifest, the plan and the checker share."""

from __future__ import annotations

import enum


class Access(enum.IntFlag):
    """Rights of unprivileged code on a byte. The values are those of ``LP_GRANTS``."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 4
    R = READ
    RW = READ | WRITE
    RX = READ | EXECUTE

    @property
    def letters(self) -> str:
        """``"rw"``, ``"rx"``, …; ``""`` for none."""
        pairs = ((Access.READ, "r"), (Access.WRITE, "w"), (Access.EXECUTE, "x"))
        return "".join(letter for right, letter in pairs if right in self)

    @classmethod
    def of(cls, letters: str) -> Access:
        """The rights that ``letters`` (each of ``r``, ``w``, ``x`` at most once) name; ``KeyError`` for others."""
        access = cls.NONE
        for letter in letters:
            access |= {"r": cls.READ, "w": cls.WRITE, "x": cls.EXECUTE}[letter]
        return access


class Isolation(enum.StrEnum):
    """One way to keep partitions apart. ``"pmp"`` in a manifest is the same word as ``"mpu"``."""

    MPU = "mpu"
    SOFTWARE = "software"


class Trust(enum.StrEnum):
    """Whether a component's own code has been verified not to leave its memory."""

    VERIFIED = "verified"
    UNTRUSTED = "untrusted"


class BoundsChecks(enum.StrEnum):
    """How compiled code keeps to its linear memory: it compares each address with the size, or masks it."""

    SOFTWARE = "software"
    MASK = "mask"


class Kind(enum.StrEnum):
    """What a block holds."""

    CODE = "code"
    RODATA = "rodata"
    DATA = "data"
    SHARED = "shared"


class UnitName(enum.StrEnum):
    """The protection units."""

    ARMV6M = "armv6m"
    ARMV7M = "armv7m"
    ARMV8M = "armv8m"
    PMP = "pmp"
    NONE = "none"


class Machine(enum.StrEnum):
    """The instruction set that objects must have; a chip without a protection unit has one too."""

    ARM = "arm"
    RISCV = "riscv"
