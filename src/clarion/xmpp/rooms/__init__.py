"""Rooms (XEP-0045): who is in them, and what is said there.

A room is an entity: it takes parcels and sends parcels, and knows neither
sessions nor connections, so that whoever is in it may be anywhere.
"""
