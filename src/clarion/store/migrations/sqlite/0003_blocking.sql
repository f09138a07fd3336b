-- Whom people have blocked (XEP-0191).

CREATE TABLE blocked (
  owner INTEGER NOT NULL REFERENCES person (number),
  jid TEXT NOT NULL,  -- normalised: with or without a local part, with or without a resource
  PRIMARY KEY (owner, jid)
) WITHOUT ROWID;
