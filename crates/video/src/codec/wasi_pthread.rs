//! `pthread_*` for a WASI libc that lacks them (Debian's of 2022). Newer ones define them, so
//! this is compiled only where the build tool sets `--cfg framemill_pthread_stubs`.
//!
//! The standard library and two of the decoder crates mention threads behind code that never
//! runs with one thread. The attribute functions succeed and do nothing; starting a thread
//! fails, which the standard library turns into an error.

use std::ffi::{c_int, c_void};

/// "Resource temporarily unavailable", as WASI numbers it.
const EAGAIN: c_int = 6;
/// "No such process", as WASI numbers it: there is no thread to wait for.
const ESRCH: c_int = 71;

/// Fails: there are no threads.
#[unsafe(no_mangle)]
extern "C" fn pthread_create(
    _thread: *mut c_void,
    _attributes: *const c_void,
    _start: *const c_void,
    _argument: *mut c_void,
) -> c_int {
    EAGAIN
}

/// Fails: no thread was ever created.
#[unsafe(no_mangle)]
extern "C" fn pthread_join(_thread: *mut c_void, _result: *mut *mut c_void) -> c_int {
    ESRCH
}

/// Fails: no thread was ever created.
#[unsafe(no_mangle)]
extern "C" fn pthread_detach(_thread: *mut c_void) -> c_int {
    ESRCH
}

/// Does nothing.
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_init(_attributes: *mut c_void) -> c_int {
    0
}

/// Does nothing.
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_destroy(_attributes: *mut c_void) -> c_int {
    0
}

/// Does nothing.
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_setstacksize(_attributes: *mut c_void, _size: usize) -> c_int {
    0
}
