"""Image and sealed objects as bytes: what a hostile file may claim, what a linker makes of a relocation."""
