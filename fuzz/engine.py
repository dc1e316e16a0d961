"""One target under atheris: ``python -m fuzz.engine TARGET [libFuzzer arguments]``."""

from __future__ import annotations

import importlib
import sys

import atheris


def main() -> None:
    """Load the target with its coverage instrumented, and hand over to libFuzzer, which ends the process."""
    target = sys.argv.pop(1)
    with atheris.instrument_imports(include=["shiftline", "fuzz"]):
        module = importlib.import_module(f"fuzz.{target}")
    atheris.Setup(sys.argv, module.one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
