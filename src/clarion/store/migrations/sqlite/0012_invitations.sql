-- Who may make an account, and which one (XEP-0401, XEP-0445).

CREATE TABLE invitation (
  digest BLOB PRIMARY KEY,                    -- SHA-256 of the token, which nobody keeps
  inviter INTEGER REFERENCES person (number), -- NULL: the command line
  address TEXT NOT NULL,                      -- kept for the invited; '' where they choose
  name TEXT NOT NULL,                         -- theirs, or ''
  department TEXT NOT NULL,                   -- address of the one they join, or ''
  befriend INTEGER NOT NULL,                  -- 1: they and the inviter become contacts
  made REAL NOT NULL,                         -- UNIX seconds
  expires REAL NOT NULL,                      -- UNIX seconds
  used REAL NOT NULL                          -- UNIX seconds, or 0
) WITHOUT ROWID;

CREATE INDEX invitation_by_inviter ON invitation (inviter);
