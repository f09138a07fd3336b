"""The door of files: people upload by HTTP (XEP-0363), whoever knows the address downloads."""
