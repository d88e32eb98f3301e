@0xbf5147cbbecf40c1;
# A service for the tests of qnpc.rpc alone.

struct Point { x @0 :Int32; y @1 :Int64; }
struct NewerPoint { x @0 :Int32; y @1 :Int64; z @2 :Int64; label @3 :Text; }
struct Everything {
  flag @0 :Bool;
  i8 @1 :Int8; i16 @2 :Int16; i32 @3 :Int32; i64 @4 :Int64;
  u8 @5 :UInt8; u16 @6 :UInt16; u32 @7 :UInt32; u64 @8 :UInt64;
  text @9 :Text;
  blob @10 :Data;
  numbers @11 :List(UInt16);
  blobs @12 :List(Data);
  words @13 :List(Text);
  point @14 :Point;
  points @15 :List(Point);
}

interface Store {
  echo @0 (value :Everything, tag :Text) -> (value :Everything, tag :Text);
  open @1 (name :Text) -> (size :UInt64, box :Box, note :Text);
  fail @2 (code :UInt16) -> ();
  wait @3 () -> ();
  watch @4 (watcher :Watcher, times :UInt32) -> (calls :UInt32);
  keep @5 (watcher :Watcher) -> ();
  twice @6 () -> (left :Box, right :Box);
  give @7 (watcher :Watcher) -> (watcher :Watcher);
  slow @8 (name :Text) -> (box :Box);
  size @9 (payload :Data, answer :UInt32) -> (payload :Data);
}

interface Box {
  name @0 () -> (name :Text);
  put @1 (item :UInt64) -> (count :UInt64);
  inner @2 () -> (box :Box);
}

interface Watcher {
  seen @0 (number :UInt32) -> (number :UInt32);
}
