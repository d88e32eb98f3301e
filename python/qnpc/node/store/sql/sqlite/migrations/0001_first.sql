-- Times are Unix milliseconds. A row id of `entry` packs (channel << 40) | seq, so that a channel's entries lie together and need no index.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE invite (
    id BLOB PRIMARY KEY,
    hash BLOB NOT NULL,
    uses INTEGER,                                         -- left; NULL: without limit
    expires INTEGER
) WITHOUT ROWID;

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    record BLOB NOT NULL,
    identity_key BLOB NOT NULL UNIQUE,
    sealed_identity BLOB NOT NULL
);

CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES account,
    certificate BLOB NOT NULL,
    created INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX device_account ON device (account);

CREATE TABLE token (
    id BLOB PRIMARY KEY,
    hash BLOB NOT NULL,
    device INTEGER NOT NULL REFERENCES device,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX token_expires ON token (expires);

-- A package that was handed out keeps its reference until it expires, without the message: uploading it again must not offer it twice.
CREATE TABLE key_package (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL REFERENCES device,
    reference BLOB NOT NULL,
    suite INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    message BLOB,
    UNIQUE (device, reference)
);
CREATE INDEX key_package_left ON key_package (device, suite, id) WHERE message IS NOT NULL;

CREATE TABLE hybrid_key (
    device INTEGER PRIMARY KEY REFERENCES device,
    key BLOB NOT NULL,
    signature BLOB NOT NULL
);

-- head: the newest seq. gone: up to it entries are deleted. base: up to it every present member has acknowledged, or it is gone;
-- it may lag and is brought forward when that matters. bytes: payloads after base.
CREATE TABLE channel (
    id INTEGER PRIMARY KEY CHECK (id < 8388608),          -- 23 bits: what the packed row id has room for
    name BLOB NOT NULL UNIQUE,
    head INTEGER NOT NULL DEFAULT 0,
    gone INTEGER NOT NULL DEFAULT 0,
    base INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE entry (
    at INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    sender INTEGER NOT NULL REFERENCES device,
    received INTEGER NOT NULL,
    payload BLOB NOT NULL
);

-- What each device has sent; outlives the entries.
CREATE TABLE sent (
    device INTEGER NOT NULL REFERENCES device,
    id BLOB NOT NULL,
    channel INTEGER NOT NULL REFERENCES channel,
    seq INTEGER NOT NULL,
    PRIMARY KEY (device, id, channel)
) WITHOUT ROWID;

-- A device's latest span in a channel: entries after from_seq, up to to_seq inclusive (NULL: it is there now).
CREATE TABLE member (
    channel INTEGER NOT NULL REFERENCES channel,
    device INTEGER NOT NULL REFERENCES device,
    from_seq INTEGER NOT NULL,
    to_seq INTEGER,
    acked INTEGER NOT NULL,
    PRIMARY KEY (channel, device)
) WITHOUT ROWID;
CREATE INDEX member_device ON member (device);

-- steady_since: the epoch that the last change of membership led to.
CREATE TABLE groups (
    channel INTEGER PRIMARY KEY REFERENCES channel,
    suite INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    steady_since INTEGER NOT NULL,
    group_info BLOB NOT NULL,
    creator INTEGER NOT NULL REFERENCES device,
    created_with BLOB NOT NULL                            -- the id that the creator chose for the creation
);

CREATE TABLE tree (
    channel INTEGER NOT NULL REFERENCES groups,
    epoch INTEGER NOT NULL,
    made INTEGER NOT NULL,
    tree BLOB NOT NULL,
    UNIQUE (channel, epoch)
);
CREATE INDEX tree_made ON tree (made);
