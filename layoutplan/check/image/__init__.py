"""Obligation 6, on a linked image: who owns each loaded byte, where control may enter a component."""
