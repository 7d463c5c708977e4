"""A run's net written as a file that needs no fairtrial: one module for each target, and what all have in common."""
