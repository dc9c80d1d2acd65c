"""Machine code of the kernel, read for the few constants that a proof leans on."""
