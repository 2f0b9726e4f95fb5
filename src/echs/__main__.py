"""``python -m echs`` is the command ``echs``."""

from echs.cli import main

if __name__ == "__main__":
    main()
