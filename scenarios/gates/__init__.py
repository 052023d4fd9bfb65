"""This package is for the canary gate's questions: its policy, both sides of a canary, rounds of asking, and what they showed."""
