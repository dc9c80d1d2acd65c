"""Floor 2: frozen dataclasses that decide nothing."""
