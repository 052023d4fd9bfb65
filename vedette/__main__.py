"""This file is for `python -P -m vedette`, the same as the `vedette` command."""

from vedette.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
