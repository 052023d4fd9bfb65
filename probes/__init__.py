"""What can be asked of a target, and what came back."""
