//! LocalECS
