-- name: meta_get
SELECT value FROM meta WHERE key = ?;

-- name: meta_set
INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: mls_scope
SELECT scope, key, value FROM mls WHERE scope = ? ORDER BY key;

-- name: mls_put
INSERT INTO mls (scope, key, value) VALUES (?, ?, ?) ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value;

-- name: mls_delete
DELETE FROM mls WHERE scope = ? AND key = ?;

-- name: channel_get
SELECT incarnation, seq FROM channel WHERE channel = ?;

-- name: channel_unknown
SELECT count(*) FROM channel WHERE channel NOT IN (SELECT id FROM grp) AND channel NOT IN (SELECT grp FROM invitation);

-- name: channel_delete
DELETE FROM channel WHERE channel = ?;

-- name: channel_set
INSERT INTO channel (channel, incarnation, seq) VALUES (?, ?, ?)
  ON CONFLICT (channel) DO UPDATE SET incarnation = excluded.incarnation, seq = excluded.seq;

-- name: channel_all
SELECT channel, incarnation, seq FROM channel ORDER BY channel;

-- name: consumer_get
SELECT position FROM consumer WHERE name = ?;

-- name: consumer_set
INSERT INTO consumer (name, position) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET position = excluded.position;
