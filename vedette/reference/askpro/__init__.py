"""This package is for AskPro: the booking service with a week behind it, its logs, and Prometheus beside it."""
