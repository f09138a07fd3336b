-- Files that people uploaded (XEP-0363). A blob lies once in the data folder,
-- however many uploads refer to it; its row goes with the last of them.

CREATE TABLE blob (
  hash BLOB PRIMARY KEY,  -- SHA-256 of the content
  size_bytes INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE upload (
  token TEXT PRIMARY KEY,
  owner INTEGER NOT NULL REFERENCES person (number),
  blob BLOB NOT NULL REFERENCES blob (hash),
  size_bytes INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,     -- media type, '' where nobody said one
  purpose TEXT NOT NULL,
  at REAL NOT NULL,       -- UNIX seconds
  expires REAL            -- UNIX seconds; NULL: as [files] keep_days has it
) WITHOUT ROWID;
CREATE INDEX upload_by_blob ON upload (blob);
CREATE INDEX upload_by_owner ON upload (owner);
CREATE INDEX upload_by_end ON upload (expires) WHERE expires IS NOT NULL;
CREATE INDEX upload_by_age ON upload (at) WHERE purpose <> 'profile';
