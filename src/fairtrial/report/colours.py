"""The colours of all charts."""

# Okabe and Ito's colours that all can tell apart, without the yellow, which is too faint on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
PART_COLOURS = {"train": COLOURS[4], "valid": COLOURS[0], "test": COLOURS[2], "running": "#8a8a8a"}
