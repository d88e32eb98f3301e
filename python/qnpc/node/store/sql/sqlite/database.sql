-- name: begin
BEGIN IMMEDIATE
-- name: commit
COMMIT
-- name: rollback
ROLLBACK
-- name: savepoint
SAVEPOINT item
-- name: rollback_item
ROLLBACK TO item
-- name: release_item
RELEASE item

-- name: page_count
PRAGMA page_count
-- name: application_id
PRAGMA application_id
-- name: free_pages
PRAGMA freelist_count
-- name: vacuum_page
PRAGMA incremental_vacuum(1)

-- name: fold
PRAGMA wal_checkpoint(PASSIVE)

-- name: create_migrations
CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY)
-- name: newest_migration
SELECT coalesce(max(number), 0) FROM migration
-- name: add_migration
INSERT INTO migration (number) VALUES (:number)

-- name: draw_incarnation
INSERT INTO meta (name, value) VALUES ('incarnation', :value) ON CONFLICT DO NOTHING
-- name: renew_incarnation
UPDATE meta SET value = :value WHERE name = 'incarnation'
-- name: incarnation
SELECT value FROM meta WHERE name = 'incarnation'

-- name: keep_secret
INSERT INTO secret (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING
-- name: secret
SELECT value FROM secret WHERE name = :name
