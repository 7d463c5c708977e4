"""Training is a generator of events: it reads a recipe and data, changes a state, and writes nothing."""
