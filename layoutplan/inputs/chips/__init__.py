"""The chip catalogue: one TOML file per chip, every fact with its source."""
