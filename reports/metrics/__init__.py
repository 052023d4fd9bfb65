"""This package is for what Prometheus reads: the names, the counting, the writing, and the names that blackbox_exporter uses."""
