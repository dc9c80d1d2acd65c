"""The flight controller and the switch TCB, from source to a running machine."""
