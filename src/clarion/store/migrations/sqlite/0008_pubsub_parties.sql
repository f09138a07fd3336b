-- What others are to a person's nodes (XEP-0060 sections 6.1 and 8.9).

CREATE TABLE pubsub_party (
  owner INTEGER NOT NULL REFERENCES person (number),
  node TEXT NOT NULL,
  jid TEXT NOT NULL,  -- bare, but of a subscriber perhaps with a resource
  kind TEXT NOT NULL,
  address TEXT NOT NULL,  -- the bare JID: whoever leaves is forgotten by it
  PRIMARY KEY (owner, node, jid, kind)
) WITHOUT ROWID;
CREATE INDEX pubsub_party_by_address ON pubsub_party (address);

-- Who has a node of this name: asked at every start.
CREATE INDEX pubsub_node_by_name ON pubsub_node (node);
