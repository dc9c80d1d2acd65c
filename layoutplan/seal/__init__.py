"""Floor 4: makes one sealed relocatable object per component, with the standard tools."""

from layoutplan.seal.result import is_sealed
from layoutplan.seal.sealing import seal

__all__ = ["is_sealed", "seal"]
