"""Real browsers: how one is found, started, bounded and surely ended, and how a journey is walked in it."""
