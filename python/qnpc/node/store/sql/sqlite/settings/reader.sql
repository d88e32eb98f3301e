-- For each connection that only reads.
PRAGMA query_only = ON;
PRAGMA checkpoint_fullfsync = 1;
