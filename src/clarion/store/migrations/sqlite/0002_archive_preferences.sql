-- Who wants what archived, items that only pass through, and tombstones
-- (docs/decisions/0008-passing-items.md).

-- A row only for persons who chose something else than everything (XEP-0441).
CREATE TABLE archive_preference (
  owner INTEGER PRIMARY KEY REFERENCES person (number),
  fallback TEXT NOT NULL,
  always TEXT NOT NULL,  -- a JSON list of JIDs
  never TEXT NOT NULL    -- a JSON list of JIDs
);

-- Items that wait for an owner whose archive does not keep them. Nearly always
-- empty, so a table of its own costs the other tables nothing.
CREATE TABLE passing (
  owner INTEGER NOT NULL,
  id BLOB NOT NULL,
  other INTEGER,  -- who else may have a line of this item
  PRIMARY KEY (owner, id)
) WITHOUT ROWID;

-- 0: whole; 1: retracted, 2: forgotten. The stanza of both last is without addresses.
ALTER TABLE item ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
