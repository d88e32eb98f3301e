-- For a file that is still empty, in this order: both must stand before the first table is made.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = 1903063139;
