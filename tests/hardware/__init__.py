"""The kill criterion on emulated hardware: the switch TCB under attack."""
