-- Where people's clients want to be told of what waits (XEP-0357).

CREATE TABLE push_device (
  owner INTEGER NOT NULL REFERENCES person (number),
  service TEXT NOT NULL,   -- JID of the push service, normalised
  node TEXT NOT NULL,      -- '' where the client named none
  options BLOB NOT NULL,   -- the form publish-options, or empty; may hold a secret
  since REAL NOT NULL,     -- UNIX seconds
  error TEXT NOT NULL,     -- why it is disabled; '': it is not
  failed_at REAL NOT NULL, -- since when, or 0
  PRIMARY KEY (owner, service, node)
) WITHOUT ROWID;
