"""The obligations, asked twice: by enumeration of region edges, and as SMT-LIB text over the prelude of the unit."""
