"""The booking service under the suite that shows every kind that needs nothing but the base install."""
