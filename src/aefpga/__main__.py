"""`python -m aefpga`."""

from aefpga.cli import main

if __name__ == "__main__":
    main()
