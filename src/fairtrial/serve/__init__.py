"""The page of a store: a local server that shows its runs and studies, and starts commands that make more of them."""
