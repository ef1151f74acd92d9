//! `pthread_*` for a WASI libc that lacks them (Debian's of 2022); newer ones define them, so
//! this is compiled only where the build tool sets `framemill_pthread_stubs`.
