//! Faults on demand.

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; this status, and `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// Nothing is done; the connection is cut after so many bytes of the request's body.
    CutRequest(usize),
    /// The connection is cut after so many bytes of the answer's body.
    CutAnswer(usize),
    /// All is done, and nothing is answered.
    LoseAnswer,
    /// The answer says another checksum.
    WrongChecksum,
    /// The answer's body comes in pieces of so many bytes.
    Slow(usize),
}
