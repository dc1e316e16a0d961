"""``python -m shiftline``."""

from shiftline.cli.app import main

if __name__ == "__main__":
    main()
