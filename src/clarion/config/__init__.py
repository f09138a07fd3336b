"""What an operator may say: the TOML file, its checks and its explanation."""
