-- One profile's state. Times are Unix milliseconds; ids, keys and groups are raw bytes.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

-- What the MLS core stores: (scope, key) -> value; the scope is a group's id or empty.
CREATE TABLE mls (
  scope BLOB NOT NULL,
  key   BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (scope, key)
);

-- How far each channel of the node's log is durable here.
CREATE TABLE channel (
  channel     BLOB PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  seq         INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE grp (
  id      BLOB PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  suite   INTEGER NOT NULL,
  state   TEXT NOT NULL CHECK (state IN ('creating', 'active', 'removed', 'lapsed')),
  counter INTEGER NOT NULL DEFAULT 0,     -- of our last message here that the node accepted
  created INTEGER NOT NULL
);

CREATE TABLE invitation (
  grp      BLOB NOT NULL,
  name     TEXT NOT NULL,
  inviter  TEXT NOT NULL,
  identity BLOB NOT NULL,
  suite    INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  welcome  BLOB NOT NULL,
  received INTEGER NOT NULL,
  PRIMARY KEY (grp, identity)             -- one inviter's word replaces nobody else's
);

-- Entries of groups that this device is not in (yet, or any more), as they came; replayed by join.
CREATE TABLE raw_entry (
  channel  BLOB NOT NULL,
  seq      INTEGER NOT NULL,
  id       BLOB NOT NULL,
  sender   BLOB NOT NULL,
  received INTEGER NOT NULL,
  payload  BLOB NOT NULL,
  PRIMARY KEY (channel, seq)
);

CREATE TABLE contact (
  username TEXT PRIMARY KEY,
  identity BLOB NOT NULL,
  trust    TEXT NOT NULL CHECK (trust IN ('tofu', 'verified', 'changed')),
  seen     INTEGER NOT NULL
) WITHOUT ROWID;

-- What people see, in the order in which it became durable here. AUTOINCREMENT: a position is never given twice.
CREATE TABLE history (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  grp      BLOB NOT NULL,
  seq      INTEGER,                       -- in the group's log; none while it waits
  id       BLOB NOT NULL,
  device   BLOB NOT NULL,                 -- the sender
  sender   TEXT NOT NULL,
  kind     TEXT NOT NULL,                 -- text, members, name, unreadable, unknown, gap
  body     TEXT NOT NULL,                 -- the text, or JSON of what the kind needs
  own      INTEGER NOT NULL,
  state    TEXT NOT NULL CHECK (state IN ('received', 'queued', 'accepted', 'failed')),
  at       INTEGER NOT NULL,
  missing  INTEGER NOT NULL DEFAULT 0,    -- messages of this device that its counter says came before and are not here
  UNIQUE (grp, device, id)
);

CREATE INDEX history_of_group ON history (grp, position);

-- The last counter seen of each other device in each group.
CREATE TABLE sender_counter (
  grp     BLOB NOT NULL,
  device  BLOB NOT NULL,
  counter INTEGER NOT NULL,
  PRIMARY KEY (grp, device)
) WITHOUT ROWID;

CREATE TABLE consumer (
  name     TEXT PRIMARY KEY,
  position INTEGER NOT NULL
) WITHOUT ROWID;

-- Intents: durable before anything is encrypted for them; the ciphertext is here before it is sent.
CREATE TABLE outbox (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  id      BLOB NOT NULL UNIQUE,
  grp     BLOB NOT NULL,
  kind    TEXT NOT NULL CHECK (kind IN ('create', 'text', 'add', 'remove', 'update')),
  body    TEXT NOT NULL,                  -- JSON
  state   TEXT NOT NULL CHECK (state IN ('waiting', 'sealed', 'accepted', 'failed')),
  epoch   INTEGER,                        -- that it was sealed in
  sealed  BLOB,                           -- ciphertext or commit
  parts   BLOB,                           -- what else goes with it (GroupInfo, tree, Welcomes)
  seq     INTEGER,
  code    TEXT,                           -- of a failure
  reason  TEXT,
  created INTEGER NOT NULL
);

CREATE INDEX outbox_open ON outbox (grp, number) WHERE state IN ('waiting', 'sealed');
