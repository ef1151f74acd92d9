//! How far a command is, for whoever looks.

use anyhow::Context as _;
use framemill_dataset_host::{Progress, Step};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::time::Duration;

/// What is drawn every so often, in this style; nothing where nobody looks.
///
/// # Errors
/// Where the style is wrong.
pub fn drawn(silent: bool, template: &str) -> anyhow::Result<ProgressBar> {
    if silent {
        return Ok(ProgressBar::hidden());
    }
    let bar = ProgressBar::no_length().with_style(style(template)?);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

/// What turns where nobody knows how much there is.
///
/// # Errors
/// Never: the style is right.
pub fn spinner(silent: bool) -> anyhow::Result<ProgressBar> {
    drawn(silent, "{spinner} {elapsed} {msg}")
}

fn style(template: &str) -> anyhow::Result<ProgressStyle> {
    ProgressStyle::with_template(template).context("progress")
}

/// A spinner until it is known how much there is, then a bar, in this style.
pub struct Bar(ProgressBar, ProgressStyle);

impl Bar {
    /// Shows nothing yet; never anything where `silent`.
    ///
    /// # Errors
    /// Where the style is wrong.
    pub fn new(silent: bool) -> anyhow::Result<Self> {
        let with_length = style("{bar:30} {human_pos} of {human_len} {msg}, {eta} left")?;
        Ok(Self(spinner(silent)?, with_length))
    }

    /// Shows how far it is.
    pub fn show(&self, Progress { step, done, of }: Progress) {
        let what = match step {
            Step::Listing => "objects listed",
            Step::Reading => "frames read",
            Step::Images => "images",
        };
        let Some(of) = of else {
            self.0.set_message(format!("{} {what}", HumanCount(done)));
            return;
        };
        if self.0.length().is_none() {
            self.0.set_length(of);
            self.0.set_message(what);
            self.0.set_style(self.1.clone());
        }
        self.0.set_position(done);
    }

    /// Takes it away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
