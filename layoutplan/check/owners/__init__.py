"""``need`` and ``owner``: what partitions must reach, whose every byte is. From the manifest, never the plan."""
