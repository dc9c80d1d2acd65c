"""Floor 3: relocatable ELF objects and archives, hostile until read."""
