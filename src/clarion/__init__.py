"""Clarion: one communication server for an organisation, over open standards."""

__version__ = "0.1.0"
