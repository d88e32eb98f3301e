@0xd1b4f1c9a7e2830b;
# The services of a node. Standard Cap'n Proto RPC on one QUIC stream speaks them; ALPN qnpc/1.
#
# Authority is the capability held: `Node` is the bootstrap, only a finished login gives `Session`, only membership gives `Group`.
# Ordinals are appended, never reused. Failures are exceptions whose reason is `E0nn NAME: sentence`.
#
# Keys are raw bytes: an Ed25519 key 32, an X-Wing key 1216. A device is named by its Ed25519 public key, a group by its 16-byte id;
# a channel is a group's id or, for an inbox, the key of the device that owns it. A message id is 16 bytes. Times are Unix milliseconds.

struct NodeInfo {
  version @0 :Text;             # of the software
  wire @1 :UInt16;              # of this schema; a client that speaks another is told E002
  pin @2 :Data;                 # SHA-256 of the node certificate's SubjectPublicKeyInfo
  registration @3 :Text;        # "invite" or "closed"
  suites @4 :List(UInt16);      # MLS ciphersuites that groups here may use
  maxPayload @5 :UInt32;        # bytes
}

struct Health {
  ready @0 :Bool;
  detail @1 :Text;              # why not, in one line
  tlsGroup @2 :Text;            # what this very connection negotiated
  uptimeMs @3 :UInt64;
}

struct Enrolment {
  # What binds a device to an account: both keys sign the challenge, and the certificate joins them.
  identityKey @0 :Data;
  certificate @1 :Data;
  identityProof @2 :Data;
  deviceProof @3 :Data;
}

struct Token {
  secret @0 :Data;              # 16 bytes of public id, 32 of secret
  expiresAt @1 :Int64;
}

struct Entry {
  channel @0 :Data;
  incarnation @1 :UInt64;       # of the node's log; changes when the node was restored from a backup
  seq @2 :UInt64;               # dense per channel, from 1
  id @3 :Data;
  sender @4 :Data;              # device
  received @5 :Int64;
  payload @6 :Data;
}

struct Cursor {
  channel @0 :Data;
  incarnation @1 :UInt64;
  seq @2 :UInt64;               # the last entry that is durable here
}

struct Head {
  channel @0 :Data;
  incarnation @1 :UInt64;
  seq @2 :UInt64;               # the newest entry
  acked @3 :UInt64;             # what the node believes this device has
  first @4 :UInt64;             # the first entry that this device can have
  group @5 :Bool;               # a group's log, not the inbox
}

struct DeviceRecord {
  device @0 :Data;
  certificate @1 :Data;
}

struct DeviceKeyPackage {
  device @0 :Data;
  certificate @1 :Data;
  keyPackage @2 :Data;          # an MLSMessage of wire format mls_key_package
}

struct Welcome {
  device @0 :Data;              # whose inbox
  payload @1 :Data;             # a sealed envelope
}

struct GroupSummary {
  id @0 :Data;
  suite @1 :UInt16;
  epoch @2 :UInt64;
}

interface Node {
  info @0 () -> (info :NodeInfo);
  health @1 () -> (health :Health);
  register @2 (username :Text, request :Data, invite :Data) -> (response :Data, challenge :Data, registration :Registration);
  login @3 (username :Text, request :Data) -> (response :Data, login :Login);
  resume @4 (token :Data) -> (session :Session, expiresAt :Int64);
  challenge @5 (device :Data) -> (nonce :Data, proof :Proof);
}

interface Registration {
  finish @0 (record :Data, enrolment :Enrolment, sealedIdentity :Data) -> (session :Session, token :Token);
}

interface Login {
  finish @0 (ke3 :Data) -> (challenge :Data, enrol :Enrol, sealedIdentity :Data);
}

interface Enrol {
  device @0 (enrolment :Enrolment) -> (session :Session, token :Token);
}

interface Proof {
  finish @0 (signature :Data) -> (session :Session, token :Token);
}

interface Session {
  uploadKeyPackages @0 (suite :UInt16, packages :List(Data)) -> (count :UInt32);
  keyPackageCount @1 (suite :UInt16) -> (count :UInt32);
  fetchKeyPackages @2 (username :Text, suite :UInt16) -> (packages :List(DeviceKeyPackage));
  uploadHybridKey @3 (key :Data, signature :Data) -> ();
  fetchHybridKey @4 (device :Data) -> (key :Data, signature :Data);
  resolve @5 (username :Text) -> (identityKey :Data, devices :List(DeviceRecord));
  logout @6 () -> ();
  enqueue @7 (device :Data, payload :Data, id :Data) -> (seq :UInt64);
  fetch @8 (channel :Data, after :UInt64, limit :UInt32) -> (entries :List(Entry), head :Head);
  ack @9 (cursors :List(Cursor)) -> ();
  subscribe @10 (sink :Sink, cursors :List(Cursor)) -> (heads :List(Head));
  createGroup @11 (groupInfo :Data, tree :Data, id :Data) -> (group :Group);
  group @12 (id :Data) -> (group :Group);
  groups @13 () -> (groups :List(GroupSummary));
}

interface Group {
  send @0 (epoch :UInt64, message :Data, id :Data) -> (seq :UInt64);
  commit @1 (epoch :UInt64, message :Data, groupInfo :Data, welcomes :List(Welcome), id :Data) -> (seq :UInt64);
  info @2 () -> (epoch :UInt64, groupInfo :Data, tree :Data);
  tree @3 (epoch :UInt64) -> (tree :Data);
  members @4 () -> (members :List(DeviceRecord));
}

interface Sink {
  deliver @0 (entries :List(Entry)) -> ();
  # The Return is the acknowledgement: the entries are durable at the receiver.
}
