-- Tokens with which clients log in without a password (XEP-0484).

CREATE TABLE token (
  person INTEGER NOT NULL REFERENCES person (number),
  client TEXT NOT NULL,     -- the id of the installation
  slot INTEGER NOT NULL,    -- 0 in use, 1 given and not used yet
  mechanism TEXT NOT NULL,  -- the only one it is good for
  hashed BLOB NOT NULL,     -- SHA-256 of it; with HT that is enough to log in
  label TEXT NOT NULL,      -- of the password that it was got with, and dies with
  issued REAL NOT NULL,     -- UNIX seconds
  expires REAL NOT NULL,    -- UNIX seconds
  count INTEGER NOT NULL,   -- the highest that its client has said; -1: none
  software TEXT NOT NULL,
  device TEXT NOT NULL,
  PRIMARY KEY (person, client, slot)
) WITHOUT ROWID;
