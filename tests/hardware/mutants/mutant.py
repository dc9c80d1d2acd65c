"""What a mutant is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.hardware.machines import Machine
from tests.hardware.manifests import quartet

STORES = "the record of its stores"
EXCEPTIONS = "the record of its exceptions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One defect: text that stands once in the TCB's source, what replaces it, and an attack that succeeds then.

    ``killed_by`` is the name of an attack, or :data:`STORES` or :data:`EXCEPTIONS` where this emulator shows no other
    difference. Where ``alone``, no attack tells but those whose names hold that word.
    """

    name: str
    file: str
    old: str
    new: str
    killed_by: str
    machine: Machine
    manifest: Callable[[Machine], str] = quartet
    alone: str = ""
