"""Floor 4: writes the plan down for the linker, the switch TCB and the next run. Takes no decision."""
