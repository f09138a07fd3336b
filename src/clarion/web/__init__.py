"""The web door: one HTTP listener for the routes of all other doors."""
