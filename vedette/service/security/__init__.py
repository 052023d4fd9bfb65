"""This package is for who may do what: tokens, sessions, origins, hosts and limits."""
