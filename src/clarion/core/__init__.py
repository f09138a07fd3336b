"""People, items and the ledger: what the product knows, free of protocols."""
