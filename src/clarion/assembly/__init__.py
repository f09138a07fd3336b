"""The house, assembled part by part: a module for each door or job, a function that opens it.

``app.py`` calls them in order. What a part shares with the rest of the house is
a frozen value that its function yields.
"""
