"""This package is for the tests of decisions over outcomes."""
