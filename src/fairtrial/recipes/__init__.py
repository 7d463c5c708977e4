"""The shipped recipes: every net and protocol of the reports that fairtrial began with."""
