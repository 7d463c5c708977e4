"""Two engines build a net from one architecture: `numpy_net`, to be read, and `torch_net`, to be fast."""
