"""The administration door: a Unix socket that the command line talks to."""
