-- name: create_channel
INSERT INTO channel (name) VALUES (:name)
-- name: channel
SELECT id, head FROM channel WHERE name = :name

-- All that an append or a commit is judged by, in one look: actor, channel, epoch, membership, and whether this id was sent before.
-- name: standing
SELECT d.id, d.revoked, t.expires, c.id, c.head, c.base, c.bytes, g.epoch, g.steady_since,
    m.device IS NOT NULL AND m.to_seq IS NULL, s.seq
FROM device d
LEFT JOIN token t ON t.id = :token AND t.device = d.id
LEFT JOIN channel c ON c.name = :channel
LEFT JOIN groups g ON g.channel = c.id
LEFT JOIN member m ON m.channel = c.id AND m.device = d.id
LEFT JOIN sent s ON s.device = d.id AND s.id = :id AND s.channel = c.id
WHERE d.key = :device

-- name: insert_entry
INSERT INTO entry (at, id, sender, received, payload) VALUES (:channel << 40 | :seq, :id, :sender, :received, :payload)
-- name: insert_sent
INSERT INTO sent (device, id, channel, seq) VALUES (:sender, :id, :channel, :seq) ON CONFLICT DO NOTHING
-- name: advance_head
UPDATE channel SET head = :seq, bytes = bytes + :size WHERE id = :channel

-- name: recipients
SELECT d.key FROM member m JOIN device d ON d.id = m.device
WHERE m.channel = :channel AND m.from_seq < :seq AND (m.to_seq IS NULL OR m.to_seq >= :seq) AND NOT d.revoked
ORDER BY m.device

-- name: slowest_member
SELECT min(m.acked) FROM member m JOIN device d ON d.id = m.device
WHERE m.channel = :channel AND m.to_seq IS NULL AND NOT d.revoked
-- name: size_between
SELECT coalesce(sum(length(payload)), 0) FROM entry WHERE at > :channel << 40 | :after AND at <= :channel << 40 | :upto
-- name: advance_base
UPDATE channel SET base = :base, bytes = bytes - :freed WHERE id = :channel

-- name: ack
UPDATE member SET acked = min(:seq, coalesce(to_seq, (SELECT head FROM channel WHERE id = member.channel)))
WHERE channel = (SELECT id FROM channel WHERE name = :channel) AND device = (SELECT id FROM device WHERE key = :device)
    AND acked < min(:seq, coalesce(to_seq, (SELECT head FROM channel WHERE id = member.channel)))

-- Channels whose first entry has had its time: read by all who may want it, or too old. Who left still wants what came before.
-- name: collectable
SELECT c.id, c.head, c.gone, c.base,
    coalesce((
        SELECT min(m.acked) FROM member m JOIN device d ON d.id = m.device
        WHERE m.channel = c.id AND (m.to_seq IS NULL OR m.acked < m.to_seq) AND NOT d.revoked
    ), c.head) AS finished
FROM channel c JOIN entry e ON e.at = (c.id << 40 | c.gone + 1)
WHERE c.gone < c.head AND (finished > c.gone OR e.received < :older_than)
ORDER BY c.id LIMIT :limit
-- name: first_younger
SELECT min(at) & 1099511627775 FROM (
    SELECT at, received FROM entry
    WHERE at > :channel << 40 | :after AND at <= :channel << 40 | 1099511627775 ORDER BY at LIMIT :limit
) WHERE received >= :older_than
-- name: delete_entries
DELETE FROM entry WHERE at > :channel << 40 | :after AND at <= :channel << 40 | :upto
-- name: advance_gone
UPDATE channel SET gone = :gone WHERE id = :channel

-- name: entries
SELECT e.at & 1099511627775, e.id, d.key, e.received, e.payload
FROM channel c
JOIN entry e ON e.at > (c.id << 40 | :after) AND e.at <= (c.id << 40 | :upto)
JOIN device d ON d.id = e.sender
WHERE c.name = :channel
ORDER BY e.at LIMIT :limit

-- Where a device's entries begin: after it joined, and after what is gone. Else it would wait for ever for what has expired.
-- name: head
SELECT c.name, coalesce(m.to_seq, c.head), m.acked, max(m.from_seq, c.gone) + 1, g.channel IS NOT NULL
FROM device d
JOIN channel c ON c.name = :channel
JOIN member m ON m.channel = c.id AND m.device = d.id
LEFT JOIN groups g ON g.channel = c.id
WHERE d.key = :device
-- name: heads
SELECT c.name, coalesce(m.to_seq, c.head), m.acked, max(m.from_seq, c.gone) + 1, g.channel IS NOT NULL
FROM device d
JOIN member m ON m.device = d.id
JOIN channel c ON c.id = m.channel
LEFT JOIN groups g ON g.channel = c.id
WHERE d.key = :device AND (m.to_seq IS NULL OR m.acked < m.to_seq)
ORDER BY m.channel
