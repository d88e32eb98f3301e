-- For each connection that writes. A commit is on the disk before it is acknowledged (fullfsync: on macOS too),
-- and what is deleted is overwritten.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = 1;
PRAGMA checkpoint_fullfsync = 1;
PRAGMA foreign_keys = ON;
PRAGMA secure_delete = ON;
PRAGMA journal_size_limit = 67108864;
-- Pages of the log from which on a commit folds it back by itself, and whoever waits for it waits 20 ms and more: a node does so before,
-- beside its commits. This is for what writes without a node, and for one that cannot keep up.
PRAGMA wal_autocheckpoint = 8192;
