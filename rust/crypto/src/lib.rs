//! Primitives of qnpc.
