"""What the outcomes add up to: kept, judged, shown."""
