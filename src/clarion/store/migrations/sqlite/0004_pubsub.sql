-- Nodes of people's own (XEP-0060, XEP-0163), and what people were told once.

CREATE TABLE pubsub_node (
  owner INTEGER NOT NULL REFERENCES person (number),
  node TEXT NOT NULL,
  access TEXT NOT NULL,
  config TEXT NOT NULL,  -- a JSON object
  created REAL NOT NULL,
  PRIMARY KEY (owner, node)
) WITHOUT ROWID;

-- The payload's size stands beside it, so that an owner's items can be listed
-- without reading what they hold.
CREATE TABLE pubsub_item (
  owner INTEGER NOT NULL,
  node TEXT NOT NULL,
  id TEXT NOT NULL,
  number INTEGER NOT NULL,
  payload_bytes INTEGER NOT NULL,
  publisher TEXT NOT NULL,
  at REAL NOT NULL,
  payload BLOB NOT NULL,
  PRIMARY KEY (owner, node, id)
);
CREATE INDEX pubsub_item_by_number ON pubsub_item (owner, node, number, id, payload_bytes);

CREATE TABLE told_once (
  owner INTEGER NOT NULL REFERENCES person (number),
  what TEXT NOT NULL,
  PRIMARY KEY (owner, what)
) WITHOUT ROWID;
