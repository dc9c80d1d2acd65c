"""Floor 4: one document about a plan, and its writers."""
