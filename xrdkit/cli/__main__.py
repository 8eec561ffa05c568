"""``python -m xrdkit.cli``: the same as ``xrdkit``."""

from xrdkit.cli.main import main

if __name__ == "__main__":
    main()
