"""``permits``: what register words let unprivileged code do, decoded from the manuals of each unit."""
