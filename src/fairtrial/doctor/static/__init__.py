"""A training script read, not run: its source is followed with values of which only the kind is known."""
