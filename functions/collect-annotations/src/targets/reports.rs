//! Whoever gets label requests by webhook and answers in framemill's own form: there is nobody to ask
//! again, so the body is the truth, signed and kept as it came.

use crate::answering::{Answering, FrameAnswers, Hint, Page, TaskAnswers};
use framemill_annotations::Answer;
use framemill_annotations::sources::report::{AnswerReport, FrameReport};
use framemill_component_sdk::labeling::TargetError;
use jiff::Timestamp;

/// The sender of reports.
pub(super) struct Reports;

impl Answering for Reports {
    const LISTS_TASKS: bool = false;

    fn hint(&self, webhook: &[u8]) -> Result<Hint, String> {
        let report = AnswerReport::parse(webhook).map_err(|error| error.to_string())?;
        let frames = report.answers.into_iter().map(answers);
        Ok(Hint::Answers(frames.collect()))
    }

    async fn task(&self, _: &str) -> Result<Option<TaskAnswers>, TargetError> {
        Ok(None)
    }

    async fn changed(
        &self,
        _: Option<Timestamp>,
        _: Option<&str>,
    ) -> Result<Page<TaskAnswers>, TargetError> {
        Ok(Page {
            items: Vec::new(),
            next: None,
        })
    }

    async fn ids(&self, _: Option<&str>) -> Result<Page<String>, TargetError> {
        Ok(Page {
            items: Vec::new(),
            next: None,
        })
    }

    async fn is_gone(&self, _: &str) -> Result<bool, TargetError> {
        Ok(false)
    }

    async fn has_project(&self) -> Result<bool, TargetError> {
        Ok(false)
    }
}

fn answers(frame: FrameReport<Answer>) -> TaskAnswers {
    TaskAnswers {
        task: frame.task(),
        frames: vec![FrameAnswers {
            key: Some(frame.frame),
            image: frame.image,
            // In pixels already.
            answers: Box::new(move |_, _| frame.answers.clone()),
        }],
    }
}
