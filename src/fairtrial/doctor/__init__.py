"""The doctor says what is wrong with a training: the fault, where it is, the evidence, why it hurts, the remedy."""
