"""The page of a store: a local server that shows its runs and studies, and lets one try them."""
