-- name: drop_expired_packages
DELETE FROM key_package WHERE device = :device AND not_after < :now
-- name: put_package
INSERT INTO key_package (device, reference, suite, not_after, message)
VALUES (:device, :reference, :suite, :not_after, :message) ON CONFLICT DO NOTHING
-- name: packages_left
SELECT count(*), count(*) FILTER (WHERE suite = :suite)
FROM key_package WHERE device = :device AND message IS NOT NULL
-- name: count_packages
SELECT count(*)
FROM device d JOIN key_package k ON k.device = d.id
WHERE d.key = :device AND k.suite = :suite AND k.message IS NOT NULL AND k.not_after >= :now
-- name: devices_of_account
SELECT id, key, certificate FROM device WHERE account = :account AND NOT revoked ORDER BY id
-- name: oldest_package
SELECT id, message FROM key_package
WHERE device = :device AND suite = :suite AND message IS NOT NULL
ORDER BY id LIMIT 1
-- name: empty_package
UPDATE key_package SET message = NULL WHERE id = :id

-- name: put_hybrid_key
INSERT INTO hybrid_key (device, key, signature) VALUES (:device, :key, :signature)
ON CONFLICT (device) DO UPDATE SET key = excluded.key, signature = excluded.signature
-- name: hybrid_key
SELECT h.key, h.signature FROM device d JOIN hybrid_key h ON h.device = d.id WHERE d.key = :device
