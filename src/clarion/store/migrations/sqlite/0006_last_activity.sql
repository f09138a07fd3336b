-- How people left, and what they add to their vCards.

CREATE TABLE last_activity (
  person INTEGER PRIMARY KEY REFERENCES person (number),
  at REAL NOT NULL,      -- UNIX seconds
  status TEXT NOT NULL   -- of the last unavailable presence, or ''
);

CREATE TABLE vcard (
  person INTEGER PRIMARY KEY REFERENCES person (number),
  card BLOB NOT NULL     -- elements of a vCard, XML in vcard-temp
);
