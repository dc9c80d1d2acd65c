"""Floor 5: the library's verbs, composed from the floors below."""
