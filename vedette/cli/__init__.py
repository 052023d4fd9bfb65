"""The command: parses, calls a job, prints."""
