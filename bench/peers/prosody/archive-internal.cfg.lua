-- Put before the host: the archive in files, Prosody's default, which needs
-- nothing else installed.
default_archive_policy = true
archive_expires_after = "never"
