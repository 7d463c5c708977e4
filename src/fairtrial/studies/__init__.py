"""The shipped studies: the claims of the reports that fairtrial began with, each as a question to be measured."""
