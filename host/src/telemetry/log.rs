//! Lines of the log for people: names of objects and what servers say may hold anything, and must not
//! look like lines of ours.

use framemill_support::text::Printable;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// Writes a message and its fields on one line, whatever they hold.
pub(crate) struct OneLine;

impl<'writer> FormatFields<'writer> for OneLine {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line {
            writer,
            written: Ok(()),
            first: true,
        };
        fields.record(&mut line);
        line.written
    }
}

struct Line<'writer> {
    writer: Writer<'writer>,
    written: fmt::Result,
    first: bool,
}

impl Line<'_> {
    fn add(&mut self, name: &str, value: &dyn fmt::Display) {
        let space = if self.first { "" } else { " " };
        self.first = false;
        let value = Printable(value);
        let written = match name {
            "message" => write!(self.writer, "{space}{value}"),
            _ if self.writer.has_ansi_escapes() => {
                write!(
                    self.writer,
                    "{space}\u{1b}[3m{name}\u{1b}[0m\u{1b}[2m=\u{1b}[0m{value}"
                )
            }
            _ => write!(self.writer, "{space}{name}={value}"),
        };
        self.written = self.written.and(written);
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), &format_args!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, error: &(dyn std::error::Error + 'static)) {
        self.add(field.name(), &error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_it_names() {
        for ansi in [false, true] {
            let kept = Kept::default();
            let subscriber = tracing_subscriber::fmt()
                .fmt_fields(OneLine)
                .with_ansi(ansi)
                .with_target(false)
                .with_writer(kept.clone())
                .finish();
            let name = "videos/x\n2026-01-01T00:00:00Z  INFO extracted: y\u{1b}[2J\u{202e}.mp4";
            let error = io::Error::other(name);
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(frames = 3, "queued: {name}");
                tracing::info!(%error, name, quoted = ?name, "failed");
                tracing::info!(error = &error as &dyn std::error::Error, "failed");
            });
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.lines().count(), 3, "{text}");
            assert!(
                !text.contains("\u{1b}[2J") && !text.contains('\u{202e}'),
                "{text:?}"
            );
            let plain =
                "queued: videos/x\\n2026-01-01T00:00:00Z  INFO extracted: y\\u{1b}[2J\\u{202e}.mp4";
            assert!(text.contains(plain), "{text}");
            assert!(ansi || text.contains(" frames=3"), "{text}");
        }
    }
}
