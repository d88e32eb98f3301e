-- What each channel's raw entries take, and the last of its entries that there was no room for: 0 if all are kept.
ALTER TABLE channel ADD COLUMN raw_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channel ADD COLUMN raw_lost INTEGER NOT NULL DEFAULT 0;

UPDATE channel SET raw_bytes =
  (SELECT coalesce(sum(length(payload)), 0) FROM raw_entry WHERE raw_entry.channel = channel.channel);

DELETE FROM meta WHERE key = 'raw_bytes';
