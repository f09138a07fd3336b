-- Persons, credentials, rosters, the archive and the ledger.
-- Engine-specific parts (WITHOUT ROWID, AUTOINCREMENT) stand only in this folder.

-- Persons and departments share one name space and one row of numbers.
CREATE TABLE party (
  number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused
  address TEXT NOT NULL UNIQUE
);

CREATE TABLE person (
  number INTEGER PRIMARY KEY REFERENCES party (number),
  name TEXT NOT NULL,
  phone TEXT,
  language TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  admin INTEGER NOT NULL,
  disabled INTEGER NOT NULL
);

CREATE TABLE department (
  number INTEGER PRIMARY KEY REFERENCES party (number),
  name TEXT NOT NULL,
  parent INTEGER REFERENCES department (number)
);

CREATE TABLE membership (
  person INTEGER NOT NULL REFERENCES person (number),
  department INTEGER NOT NULL REFERENCES department (number),
  title TEXT NOT NULL,
  manager INTEGER NOT NULL,
  PRIMARY KEY (person, department)
) WITHOUT ROWID;

-- One row per password and hash; label '' is the main password.
CREATE TABLE scram_key (
  person INTEGER NOT NULL REFERENCES person (number),
  label TEXT NOT NULL,
  hash_name TEXT NOT NULL,
  salt BLOB NOT NULL,
  iterations INTEGER NOT NULL,
  stored_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  PRIMARY KEY (person, label, hash_name)
) WITHOUT ROWID;

-- Secrets of this installation, made at random when first asked for.
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE roster (
  owner INTEGER PRIMARY KEY REFERENCES person (number),
  version INTEGER NOT NULL
);

CREATE TABLE roster_item (
  owner INTEGER NOT NULL REFERENCES roster (owner),
  contact TEXT NOT NULL,
  name TEXT NOT NULL,
  subscription TEXT NOT NULL,
  ask INTEGER NOT NULL,
  approved INTEGER NOT NULL,
  pending_in BLOB,
  listed INTEGER NOT NULL,
  group_names TEXT NOT NULL,  -- a JSON list
  PRIMARY KEY (owner, contact)
) WITHOUT ROWID;

-- The last change of each contact, also of those removed.
CREATE TABLE roster_change (
  owner INTEGER NOT NULL REFERENCES roster (owner),
  contact TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (owner, contact)
) WITHOUT ROWID;
CREATE INDEX roster_change_by_version ON roster_change (owner, version);

-- Every item once (docs/decisions/0004-archive-layout.md).
CREATE TABLE item (
  id BLOB NOT NULL UNIQUE,
  thread BLOB NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  message_id TEXT NOT NULL,
  origin_id TEXT NOT NULL,
  countable INTEGER NOT NULL,
  stanza BLOB NOT NULL
);
CREATE INDEX item_by_thread ON item (thread, id);

-- Who sees which item: two ordered lanes per owner, what came and what was sent,
-- so that neither hides behind a million of the other. No foreign keys: this is
-- the hot path, and one transaction writes an item and its lines.
CREATE TABLE line (
  owner INTEGER NOT NULL,
  incoming INTEGER NOT NULL,
  id BLOB NOT NULL,
  PRIMARY KEY (owner, incoming, id)
) WITHOUT ROWID;

-- Up to where everything has reached one of the owner's clients.
CREATE TABLE received (
  owner INTEGER PRIMARY KEY,
  up_to BLOB NOT NULL
);

-- The ledger's log, append-only, and its crest: the furthest move of each kind.
CREATE TABLE move (
  number INTEGER PRIMARY KEY,
  thread BLOB NOT NULL,
  reader TEXT NOT NULL,
  up_to BLOB NOT NULL,
  at REAL NOT NULL,
  door TEXT NOT NULL,
  act TEXT NOT NULL
);
CREATE INDEX move_by_thread ON move (thread, up_to);

CREATE TABLE height (
  thread BLOB NOT NULL,
  reader TEXT NOT NULL,
  state TEXT NOT NULL,
  up_to BLOB NOT NULL,
  PRIMARY KEY (thread, reader, state)
) WITHOUT ROWID;
