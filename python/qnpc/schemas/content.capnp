@0xa0d4c2be51f38e97;
# What a message holds. Only clients read this: a node sees it encrypted.

struct Content {
  # The plaintext of an MLS application message. Its id is in the message's authenticated_data.
  counter @0 :UInt64;           # per device and group, from 1: a node that renumbers or withholds is noticed
  sentAt @1 :Int64;             # Unix milliseconds by the sender's clock
  body :union {
    text @2 :Text;
    groupName @3 :Text;
  }
}

struct Note {
  # The plaintext of a sealed envelope in an inbox.
  body :union {
    invitation @0 :Invitation;
    empty @1 :Void;             # keeps the union open: unknown kinds are shown as such
  }
}

struct Invitation {
  group @0 :Data;
  name @1 :Text;
  suite @2 :UInt16;
  epoch @3 :UInt64;             # the epoch that the Welcome opens
  welcome @4 :Data;             # an MLSMessage of wire format mls_welcome
}
