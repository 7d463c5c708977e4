"""The doctor names what is wrong with a training: the fault, where it is, the evidence, why it hurts, what to change."""
