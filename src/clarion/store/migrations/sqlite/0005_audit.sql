-- Who did what (core/audit.py), and persons that are being or were erased.

CREATE TABLE audit (
  number INTEGER PRIMARY KEY,  -- from 1, without a gap
  at REAL NOT NULL,            -- UNIX seconds
  actor TEXT NOT NULL,
  verb TEXT NOT NULL,
  target TEXT NOT NULL,
  details TEXT NOT NULL,       -- a JSON object
  hash TEXT NOT NULL           -- over the hash before it, the number and the rest
);

CREATE TRIGGER audit_is_appended BEFORE INSERT ON audit
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit)
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only appended to');
END;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only appended to');
END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only appended to');
END;

-- A row stays for ever: it says that the address is not given again.
CREATE TABLE erasure (
  person INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  messages INTEGER NOT NULL,  -- whether the text of what they sent goes, too
  began REAL NOT NULL,        -- UNIX seconds
  ended REAL                  -- NULL while it goes on
);
