-- name: group_get
SELECT id, name, suite, state, counter FROM grp WHERE id = ?;

-- name: group_by_name
SELECT id, name, suite, state, counter FROM grp WHERE name = ?;

-- name: group_all
SELECT id, name, suite, state, counter FROM grp ORDER BY created, id;

-- name: group_put
INSERT INTO grp (id, name, suite, state, created) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET name = excluded.name, state = excluded.state;

-- name: group_state
UPDATE grp SET state = ? WHERE id = ?;

-- name: group_counter
UPDATE grp SET counter = max(counter, ?) WHERE id = ?;

-- name: group_delete
DELETE FROM grp WHERE id = ?;

-- name: invitation_by_name
SELECT grp, name, inviter, identity, suite, epoch, welcome, received, device FROM invitation WHERE name = ? ORDER BY received, grp;

-- name: invitation_all
SELECT grp, name, inviter, identity, suite, epoch, welcome, received, device FROM invitation ORDER BY received, grp;

-- name: invitation_count
SELECT count(*) FROM invitation;

-- name: invitation_put
INSERT INTO invitation (grp, name, inviter, identity, suite, epoch, welcome, received, device) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (grp, identity) DO UPDATE SET name = excluded.name, inviter = excluded.inviter, suite = excluded.suite, epoch = excluded.epoch, welcome = excluded.welcome, received = excluded.received, device = excluded.device;

-- name: invitation_is
SELECT 1 FROM invitation WHERE grp = ? LIMIT 1;

-- name: invitation_count_of_device
SELECT count(*) FROM invitation WHERE device = ?;

-- name: invitation_busiest_device
SELECT device FROM invitation GROUP BY device ORDER BY count(*) DESC, min(received) LIMIT 1;

-- name: invitation_push_out
DELETE FROM invitation WHERE (grp, identity) IN (SELECT grp, identity FROM invitation WHERE device = ? ORDER BY received, grp LIMIT 1);

-- name: invitation_delete
DELETE FROM invitation WHERE grp = ?;

-- name: raw_put
INSERT INTO raw_entry (channel, seq, id, sender, received, payload) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: raw_all
SELECT channel, seq, id, sender, received, payload FROM raw_entry WHERE channel = ? ORDER BY seq;

-- name: raw_delete
DELETE FROM raw_entry WHERE channel = ?;

-- name: raw_oldest
SELECT seq, length(payload) FROM raw_entry WHERE channel = ? ORDER BY seq LIMIT 1;

-- name: raw_delete_one
DELETE FROM raw_entry WHERE channel = ? AND seq = ?;

-- name: raw_bytes
SELECT coalesce(sum(raw_bytes), 0) FROM channel;

-- name: raw_bytes_of
SELECT coalesce(sum(raw_bytes), 0) FROM channel WHERE channel = ?;

-- name: raw_count
UPDATE channel SET raw_bytes = raw_bytes + ? WHERE channel = ?;

-- name: raw_lose
UPDATE channel SET raw_lost = max(raw_lost, ?) WHERE channel = ?;

-- name: raw_lost
SELECT raw_lost FROM channel WHERE channel = ?;

-- name: raw_taken
UPDATE channel SET raw_bytes = 0, raw_lost = 0 WHERE channel = ?;

-- name: raw_to_drop
SELECT channel FROM channel WHERE raw_bytes > 0
  ORDER BY channel IN (SELECT grp FROM invitation), channel NOT IN (SELECT id FROM grp), raw_bytes DESC, channel LIMIT 1;

-- name: contact_get
SELECT username, identity, trust FROM contact WHERE username = ?;

-- name: contact_put
INSERT INTO contact (username, identity, trust, seen) VALUES (?, ?, ?, ?)
  ON CONFLICT (username) DO UPDATE SET trust = excluded.trust;
