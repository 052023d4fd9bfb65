"""This package is for what the JSON API says: its answers as models, its pages of lists, its OpenAPI document."""
