"""fairtrial: every model deserves a fair trial."""
