"""Studies: arms times seeds become recipes, executors make their records."""
