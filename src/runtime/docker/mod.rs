//! The docker runtime.
