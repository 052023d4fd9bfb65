"""The embedded target that keeps the seeds' contracts, and its named faults."""
