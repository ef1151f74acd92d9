//! `pthread_*` for a WASI libc that lacks them (Debian's of 2022); newer ones define them, so
//! this is compiled only where the build tool sets `framemill_pthread_stubs`.
//!
//! The standard library and two decoder crates mention them behind code that never runs on one
//! thread. Each answers failure, so that anything that did call them would not go on as if it
//! had a thread or a lock.

use std::ffi::{c_int, c_void};
