"""One file, one plug-in: the registry finds what stands here."""
