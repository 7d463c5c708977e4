"""What a run is: its architecture, its recipe, its events, and the errors a user can cause."""
