"""Defects of the TCB, each with the attack that shows it."""

from tests.hardware.mutants.arm import ARM
from tests.hardware.mutants.decisions import DECISIONS
from tests.hardware.mutants.mutant import EXCEPTIONS, STORES, Mutant
from tests.hardware.mutants.riscv import RISCV
from tests.hardware.mutants.smepmp import SMEPMP

MUTANTS = (*DECISIONS, *ARM, *RISCV, *SMEPMP)

__all__ = ["EXCEPTIONS", "MUTANTS", "STORES", "Mutant"]
