"""What decides each fault: pure functions from what was seen to findings, one module for each part of a training."""
