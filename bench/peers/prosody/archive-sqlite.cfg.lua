-- Put before the host: the archive in SQLite. Needs Debian's lua-dbi-sqlite3.
default_archive_policy = true
archive_expires_after = "never"
storage = { archive = "sql" }
sql = { driver = "SQLite3", database = "@SPOOL@/archive.sqlite" }
