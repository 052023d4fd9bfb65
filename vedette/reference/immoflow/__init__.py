"""ImmoflowMe: rents and their billing for landlords, and all that watches over it."""
