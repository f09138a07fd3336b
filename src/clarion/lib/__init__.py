"""What every floor may use: errors, clock, crew, ids, log, limits, TLS."""
