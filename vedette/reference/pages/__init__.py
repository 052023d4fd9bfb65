"""A small booking site that people use in a browser: a login, a page with a script, and what it asks for."""
