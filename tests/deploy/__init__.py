"""This file is for the tests of deploy/: what is shipped there is run through the decision rules of those who read it."""
