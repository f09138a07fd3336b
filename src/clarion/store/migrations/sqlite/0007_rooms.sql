-- Rooms (XEP-0045). Whoever is affiliated may be of another server, so people
-- stand here by their bare JIDs (store/people.py: NAMED).

CREATE TABLE room (
  number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused; owns the archive lines of -number
  address TEXT NOT NULL UNIQUE,
  department INTEGER UNIQUE,  -- no reference: the room goes after its department
  config TEXT NOT NULL,       -- a JSON object; what it lacks is as in a new room
  subject TEXT NOT NULL,
  subject_nick TEXT NOT NULL,
  subject_at REAL NOT NULL    -- UNIX seconds
);

CREATE TABLE room_affiliation (
  room INTEGER NOT NULL REFERENCES room (number),
  jid TEXT NOT NULL,          -- a bare JID, or a whole domain
  affiliation TEXT NOT NULL,
  nick TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (room, jid)
) WITHOUT ROWID;
CREATE INDEX room_affiliation_by_jid ON room_affiliation (jid);

-- Who was a member while what was said. No reference: a room's go after it, in lots.
CREATE TABLE room_stay (
  room INTEGER NOT NULL,
  jid TEXT NOT NULL,
  since BLOB NOT NULL,        -- later items count
  until BLOB,                 -- up to this one; NULL: it has not ended
  PRIMARY KEY (room, jid, since)
) WITHOUT ROWID;
CREATE INDEX room_stay_by_jid ON room_stay (jid);

CREATE TABLE room_avatar (
  room INTEGER PRIMARY KEY REFERENCES room (number),
  media TEXT NOT NULL,
  image BLOB NOT NULL
);

-- Rooms that were destroyed, until nothing is left of them.
CREATE TABLE room_ruin (
  room INTEGER PRIMARY KEY,
  thread BLOB NOT NULL,       -- in which people have read
  up_to BLOB NOT NULL         -- later items are another room's with the same address
);
