-- name: history_add
INSERT INTO history (grp, seq, id, device, sender, kind, body, own, state, at, missing)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (grp, device, id) DO NOTHING;

-- name: history_settle
UPDATE history SET seq = coalesce(?, seq), state = ? WHERE grp = ? AND device = ? AND id = ?;

-- name: history_last
SELECT position, grp, seq, id, sender, kind, body, own, state, at, missing FROM
  (SELECT * FROM history WHERE grp = ?
    ORDER BY seq IS NULL DESC, seq DESC, position DESC LIMIT ?)
  ORDER BY seq IS NULL, seq, position;

-- name: history_next
SELECT position, grp, seq, id, sender, kind, body, own, state, at, missing FROM history
  WHERE position > ? AND NOT own ORDER BY position LIMIT 1;

-- name: history_next_in_group
SELECT position, grp, seq, id, sender, kind, body, own, state, at, missing FROM history
  WHERE grp = ? AND position > ? AND NOT own ORDER BY position LIMIT 1;

-- name: history_newest
SELECT coalesce(max(position), 0) FROM history;

-- name: counter_get
SELECT counter FROM sender_counter WHERE grp = ? AND device = ?;

-- name: counter_set
INSERT INTO sender_counter (grp, device, counter) VALUES (?, ?, ?)
  ON CONFLICT (grp, device) DO UPDATE SET counter = max(counter, excluded.counter);

-- name: counter_forget
DELETE FROM sender_counter WHERE grp = ?;

-- name: outbox_add
INSERT INTO outbox (id, grp, kind, body, state, created) VALUES (?, ?, ?, ?, 'waiting', ?);

-- name: outbox_get
SELECT number, id, grp, kind, body, state, epoch, sealed, parts, seq, code, reason FROM outbox WHERE id = ?;

-- name: outbox_next
SELECT number, id, grp, kind, body, state, epoch, sealed, parts, seq, code, reason FROM outbox
  WHERE grp = ? AND state IN ('waiting', 'sealed') ORDER BY state = 'sealed' AND kind <> 'text' DESC, number LIMIT 1;

-- name: outbox_next_commit
SELECT number, id, grp, kind, body, state, epoch, sealed, parts, seq, code, reason FROM outbox
  WHERE grp = ? AND state IN ('waiting', 'sealed') AND kind <> 'text' ORDER BY number LIMIT 1;

-- name: outbox_is_older
SELECT 1 FROM outbox WHERE id = ? AND created <= ?;

-- name: outbox_groups
SELECT DISTINCT grp FROM outbox WHERE state IN ('waiting', 'sealed') ORDER BY grp;

-- name: outbox_seal
UPDATE outbox SET state = 'sealed', epoch = ?, sealed = ?, parts = ? WHERE id = ?;

-- name: outbox_reopen
UPDATE outbox SET state = 'waiting', epoch = NULL, sealed = NULL, parts = NULL WHERE id = ? AND state = 'sealed';

-- name: outbox_accept
UPDATE outbox SET state = 'accepted', seq = ?, body = '', sealed = NULL, parts = NULL WHERE id = ?;

-- name: outbox_fail
UPDATE outbox SET state = 'failed', code = ?, reason = ?, body = '', sealed = NULL, parts = NULL WHERE id = ?
  AND state IN ('waiting', 'sealed');
