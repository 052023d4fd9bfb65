"""This package is for the service: the status page, the API, the metrics and the service's own health, over HTTP."""
