"""This package is for decisions over outcomes: pure functions of what was seen, with every figure that they stand on."""
