-- For each connection that writes. A commit is on the disk before it is acknowledged (fullfsync: on macOS too),
-- and what is deleted is overwritten.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = 1;
PRAGMA checkpoint_fullfsync = 1;
PRAGMA foreign_keys = ON;
PRAGMA secure_delete = ON;
PRAGMA journal_size_limit = 67108864;
