"""fairtrial's training loop and everybody else's, each in a process of its own, timed in turn."""
