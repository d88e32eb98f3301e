-- name: group_origin
SELECT g.creator, g.created_with FROM channel c LEFT JOIN groups g ON g.channel = c.id WHERE c.name = :group
-- name: create_group
INSERT INTO groups (channel, suite, epoch, steady_since, group_info, creator, created_with)
VALUES (:channel, :suite, :epoch, :epoch, :group_info, :creator, :id)
-- name: advance_group
UPDATE groups SET epoch = :epoch, steady_since = CASE WHEN :changed THEN :epoch ELSE steady_since END, group_info = :group_info
WHERE channel = :channel
-- name: insert_tree
INSERT INTO tree (channel, epoch, made, tree) VALUES (:channel, :epoch, :now, :tree)
-- name: delete_trees
DELETE FROM tree WHERE rowid IN (
    SELECT t.rowid FROM tree t JOIN groups g ON g.channel = t.channel
    WHERE t.made < :older_than AND t.epoch <> g.epoch LIMIT :limit
)

-- name: add_member
INSERT INTO member (channel, device, from_seq, to_seq, acked) VALUES (:channel, :device, :seq, NULL, :seq)
ON CONFLICT (channel, device) DO UPDATE SET from_seq = excluded.from_seq, to_seq = NULL, acked = excluded.acked
-- name: end_member
UPDATE member SET to_seq = :seq WHERE channel = :channel AND device = :device
-- name: current_members
SELECT d.key, d.id FROM member m JOIN device d ON d.id = m.device WHERE m.channel = :channel AND m.to_seq IS NULL
-- name: inbox_of
SELECT d.id, d.revoked, c.id, c.head FROM device d JOIN channel c ON c.name = d.key WHERE d.key = :device
-- name: welcomes_of_commit
SELECT c.name, s.seq, e.id, d.key, e.received, e.payload
FROM sent s
JOIN channel c ON c.id = s.channel
JOIN entry e ON e.at = (s.channel << 40 | s.seq)
JOIN device d ON d.id = s.device
WHERE s.device = :device AND s.id = :id AND s.channel <> :channel AND length(c.name) = 32
ORDER BY c.id

-- name: group
SELECT c.name, g.suite, g.epoch, g.group_info, t.tree
FROM channel c
JOIN groups g ON g.channel = c.id
JOIN tree t ON t.channel = g.channel AND t.epoch = g.epoch
WHERE c.name = :group
-- name: groups
SELECT c.name, g.suite, g.epoch, g.group_info, t.tree
FROM device d
JOIN member m ON m.device = d.id AND m.to_seq IS NULL
JOIN groups g ON g.channel = m.channel
JOIN channel c ON c.id = g.channel
JOIN tree t ON t.channel = g.channel AND t.epoch = g.epoch
WHERE d.key = :device
ORDER BY m.channel
-- name: tree
SELECT t.tree FROM channel c JOIN tree t ON t.channel = c.id AND t.epoch = :epoch WHERE c.name = :group
-- name: members
SELECT d.key, a.username, d.certificate, d.revoked
FROM channel c
JOIN groups g ON g.channel = c.id
JOIN member m ON m.channel = c.id AND m.to_seq IS NULL
JOIN device d ON d.id = m.device
JOIN account a ON a.id = d.account
WHERE c.name = :group
ORDER BY m.from_seq, d.id
-- name: is_member
SELECT 1
FROM device d
JOIN channel c ON c.name = :group
JOIN groups g ON g.channel = c.id
JOIN member m ON m.channel = c.id AND m.device = d.id AND m.to_seq IS NULL
WHERE d.key = :device
