//! A component's output, line by line into our log.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

const LONGEST_LINE: usize = 4096;
const LINES_KEPT: usize = 3;

/// The last lines that a component said on stderr.
#[derive(Clone, Default)]
pub(super) struct StderrTail(Arc<Mutex<VecDeque<String>>>);

impl StderrTail {
    fn add(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    pub(super) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Vec::from_iter(lines.iter().map(String::as_str)).join(" | ")
    }
}

/// stdout or stderr of one sandbox.
#[derive(Clone)]
pub(super) struct ComponentLog {
    component: String,
    label: String,
    error: bool,
    stderr_tail: StderrTail,
}

impl ComponentLog {
    pub(super) fn new(component: &str, label: &str, error: bool, stderr_tail: StderrTail) -> Self {
        Self {
            component: component.to_owned(),
            label: label.to_owned(),
            error,
            stderr_tail,
        }
    }

    fn line(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        // The standard library's advice after a panic is of no use in a sandbox.
        if text.is_empty() || text.starts_with("note: run with `RUST_BACKTRACE") {
            return;
        }
        let (component, label) = (&self.component, &self.label);
        if self.error {
            self.stderr_tail.add(text);
            tracing::warn!(target: "framemill::component", component, label, "{text}");
        } else {
            tracing::info!(target: "framemill::component", component, label, "{text}");
        }
    }
}

impl IsTerminal for ComponentLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for ComponentLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines {
            log: self.clone(),
            rest: Vec::new(),
        })
    }
}

/// Cuts output into lines; what has no line end comes when the sandbox ends.
struct Lines {
    log: ComponentLog,
    rest: Vec<u8>,
}

impl AsyncWrite for Lines {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.rest.len() >= LONGEST_LINE {
                let line = std::mem::take(&mut self.rest);
                self.log.line(&line);
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        self.log.line(&rest);
    }
}
