"""The org and project platform of the second of the five documents: its observability and operations baseline."""
