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
-- name: vacuum_some
PRAGMA incremental_vacuum(256)

-- name: create_migrations
CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL)
-- name: newest_migration
SELECT coalesce(max(number), 0) FROM migration
-- name: add_migration
INSERT INTO migration (number, name) VALUES (:number, :name)

-- name: draw_incarnation
INSERT INTO meta (name, value) VALUES ('incarnation', :value) ON CONFLICT DO NOTHING
-- name: renew_incarnation
UPDATE meta SET value = :value WHERE name = 'incarnation'
-- name: incarnation
SELECT value FROM meta WHERE name = 'incarnation'
