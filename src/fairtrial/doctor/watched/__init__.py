"""What is remembered of a training to see more of it, a module a topic; each topic reports to the watch."""
