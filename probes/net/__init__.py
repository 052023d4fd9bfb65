"""The wire: resolving, connecting, reading, each with its bound."""
