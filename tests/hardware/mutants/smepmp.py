"""Defects of starting with Smepmp, and of restarting under it."""

from __future__ import annotations

from functools import partial

from tests.hardware.machines import VIRT_SMEPMP
from tests.hardware.mutants.mutant import Mutant

_smepmp = partial(Mutant, machine=VIRT_SMEPMP)

SMEPMP = (
    # Without MML the lock binds M-mode, and U-mode has the rights of the kernel's entries too.
    _smepmp(
        name="MML and MMWP are not set",
        file="arch/smepmp.rs",
        old='"csrrw {before}, 0x747, {planned}", "csrr {after}, 0x747",',
        new='"/* {before} */", "mv {after}, {planned}",',
        killed_by="alpha/kernel-data/first/write",
    ),
    _smepmp(
        name="a restart writes with the kernel's own rights",
        file="arch/mod.rs",
        old="if F::MSECCFG == 0 { copy }",
        new="if F::MSECCFG != 1 { copy }",
        killed_by="alpha/restart/statics",
    ),
)
