"""Floor 4: makes one sealed relocatable object per component, with the standard tools."""

from layoutplan.seal.result import is_sealed
from layoutplan.seal.sealing import check_sealed, seal

__all__ = ["check_sealed", "is_sealed", "seal"]
