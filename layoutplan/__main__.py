"""``python -m layoutplan``."""

from layoutplan.cli import main

if __name__ == "__main__":
    main()
