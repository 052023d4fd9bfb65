"""The jobs, each readable top to bottom in a minute."""
