"""One file, one command: `SUMMARY`, `add_arguments(parser)` and `run(args)`, with nothing heavy imported at the top."""
