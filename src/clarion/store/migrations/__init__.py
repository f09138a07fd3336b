"""The numbered steps that bring a database from any earlier schema to today's."""
