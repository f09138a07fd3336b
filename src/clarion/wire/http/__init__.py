"""What HTTP says in its header fields, as far as we read or write it ourselves."""
