"""Floor 4: the manifest, component objects, the chip catalogue and the lock, decoded into the model."""
