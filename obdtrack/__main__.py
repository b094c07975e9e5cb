"""`python -m obdtrack`: the commands."""

from obdtrack.cli import main

if __name__ == "__main__":
    main()
