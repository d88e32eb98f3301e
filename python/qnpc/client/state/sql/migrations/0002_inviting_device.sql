-- The device that an invitation came from: what the node vouches for, so what invitations are counted by.
ALTER TABLE invitation ADD COLUMN device BLOB NOT NULL DEFAULT x'';

CREATE INDEX invitation_of_device ON invitation (device, received);
