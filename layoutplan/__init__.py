"""Plans protection-unit regions for dissolved firmware: placement, proof, linker script and region table."""

__version__ = "0.1.0"
