"""The store: implements the ports of the floors below on SQLite."""
