"""Which questions, of whom, in what order, when."""
