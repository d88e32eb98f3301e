-- name: actor
SELECT d.id, d.revoked, t.expires
FROM device d LEFT JOIN token t ON t.id = :token AND t.device = d.id
WHERE d.key = :device

-- name: create_invite
INSERT INTO invite (id, hash, uses, expires) VALUES (:id, :hash, :uses, :expires) ON CONFLICT DO NOTHING
-- name: set_invite
INSERT INTO invite (id, hash) VALUES (:id, :hash)
ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, uses = NULL, expires = NULL
-- name: delete_invite
DELETE FROM invite WHERE id = :id
-- name: invite
SELECT id, hash, uses, expires FROM invite WHERE id = :id
-- name: spend_invite
UPDATE invite SET uses = uses - 1 WHERE id = :id AND uses IS NOT NULL
-- name: reap_invites
DELETE FROM invite WHERE expires <= :now

-- name: create_account
INSERT INTO account (username, record, identity_key, sealed_identity) VALUES (:username, :record, :identity_key, :sealed_identity)
-- name: account
SELECT username, record, identity_key, sealed_identity FROM account WHERE username = :username
-- name: account_identity
SELECT id, identity_key FROM account WHERE username = :username
-- name: identity_or_device_taken
SELECT EXISTS (SELECT 1 FROM account WHERE identity_key = :identity_key) OR EXISTS (SELECT 1 FROM device WHERE key = :device)

-- name: create_device
INSERT INTO device (key, account, certificate, created)
VALUES (:device, (SELECT id FROM account WHERE username = :username), :certificate, :created)
-- name: device_owner
SELECT id, account, revoked FROM device WHERE key = :device
-- name: device
SELECT d.key, a.username, d.certificate, d.revoked
FROM device d JOIN account a ON a.id = d.account
WHERE d.key = :device
-- name: devices
SELECT d.key, a.username, d.certificate, d.revoked
FROM account a JOIN device d ON d.account = a.id
WHERE a.username = :username AND NOT d.revoked
ORDER BY d.id

-- name: create_token
INSERT INTO token (id, hash, device, expires)
VALUES (:id, :hash, (SELECT id FROM device WHERE key = :device), :expires) ON CONFLICT DO NOTHING
-- name: token
SELECT t.id, t.hash, d.key, t.expires FROM token t JOIN device d ON d.id = t.device WHERE t.id = :id
-- name: delete_token
DELETE FROM token WHERE id = :id AND device = (SELECT id FROM device WHERE key = :device)
-- name: reap_tokens
DELETE FROM token WHERE expires <= :now
