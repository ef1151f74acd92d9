//! Conditions on frames: `--where`.

use crate::answer::Counting;
use crate::group::path;
use crate::{Candidate, FrameState};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A condition on frames: `FIELD OP VALUE`, as in `seconds >= 10` or `video = site-3/*`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrameFilter {
    field: Field,
    op: Op,
    value: Value,
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// Glob: the video's name, with or without its generation.
    Video,
    /// A shape of the frame has it, before `--labels` leaves any out.
    Label,
    /// Who gave the answer that counts.
    Annotator,
    /// What is known of the frame, before `--labels` leaves shapes out.
    State,
    /// Whose annotation counts.
    Target,
    Seconds,
    Width,
    Height,
    Sharpness,
    Index,
}

const FIELDS: [(&str, Field); 10] = [
    ("video", Field::Video),
    ("label", Field::Label),
    ("annotator", Field::Annotator),
    ("state", Field::State),
    ("target", Field::Target),
    ("seconds", Field::Seconds),
    ("width", Field::Width),
    ("height", Field::Height),
    ("sharpness", Field::Sharpness),
    ("index", Field::Index),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

const OPS: [(&str, Op); 6] = [
    ("=", Op::Equal),
    ("!=", Op::Unequal),
    ("<", Op::Less),
    ("<=", Op::AtMost),
    (">", Op::More),
    (">=", Op::AtLeast),
];

const STATES: [FrameState; 4] = [
    FrameState::Unlabeled,
    FrameState::Skipped,
    FrameState::Empty,
    FrameState::Labeled,
];

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    State(FrameState),
    Number(f64),
}

/// Why it is no condition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    /// There is no operator, or no value behind it.
    #[error("`{0}` is no condition: write FIELD OP VALUE, as in \"seconds >= 10\"")]
    NoCondition(String),
    /// No such field.
    #[error("frames have no `{0}`: the fields are {fields}", fields = fields())]
    Field(String),
    /// No such operator for the field.
    #[error("`{op}` is no operator of {field}: it takes {allowed}")]
    Op {
        /// What stands there.
        op: String,
        /// The field.
        field: String,
        /// Its operators.
        allowed: &'static str,
    },
    /// No number.
    #[error("`{value}` is no number, and {field} is one")]
    Number {
        /// The field.
        field: String,
        /// What stands there.
        value: String,
    },
    /// No state.
    #[error("`{0}` is no state: the states are {states}", states = listed(STATES))]
    State(String),
}

fn listed(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}

fn fields() -> String {
    listed(FIELDS.iter().map(|(name, _)| name))
}

fn find<T: Copy>(list: &[(&str, T)], name: &str) -> Option<T> {
    let mut list = list.iter();
    list.find(|(it, _)| *it == name).map(|(_, value)| *value)
}

fn name_of<T: PartialEq>(list: &[(&'static str, T)], value: &T) -> &'static str {
    let found = list.iter().find(|(_, it)| it == value);
    found.map_or("", |(name, _)| name)
}

impl Op {
    fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Unequal => a != b,
            Self::Less => a < b,
            Self::AtMost => a <= b,
            Self::More => a > b,
            Self::AtLeast => a >= b,
        }
    }
}

impl FrameFilter {
    /// Whether the frame has it; true too where it is about the answer.
    pub(crate) fn fits_frame(&self, frame: &Candidate) -> bool {
        let number = |it: f64, value: f64| self.op.holds(it, value);
        match (self.field, &self.value) {
            (Field::Video, Value::Text(glob)) => {
                let found = matches(glob, &frame.video) || matches(glob, path(&frame.video));
                self.op.holds(found, true)
            }
            (Field::Seconds, Value::Number(value)) => number(frame.seconds, *value),
            (Field::Width, Value::Number(value)) => number(frame.image.width.into(), *value),
            (Field::Height, Value::Number(value)) => number(frame.image.height.into(), *value),
            (Field::Index, Value::Number(value)) => number(frame.index as f64, *value),
            // As exact as manifests have it: 12.3 is 12.3.
            (Field::Sharpness, Value::Number(value)) => {
                self.op.holds(frame.sharpness, *value as f32)
            }
            _ => true,
        }
    }

    /// Whether the answer that counts has it; true too where it is about the frame or its labels.
    pub(crate) fn fits_answer(&self, state: FrameState, answer: Option<&Counting>) -> bool {
        let text = |it: Option<&str>, value: &str| self.op.holds(it == Some(value), true);
        match (self.field, &self.value) {
            (Field::State, Value::State(value)) => self.op.holds(state == *value, true),
            (Field::Annotator, Value::Text(value)) => {
                text(answer.and_then(Counting::annotator), value)
            }
            (Field::Target, Value::Text(value)) => {
                let target = answer.map(|it| it.annotation().target.as_str());
                text(target, value)
            }
            _ => true,
        }
    }

    /// The label that it is about, and whether frames must have it or must not.
    pub(crate) fn label(&self) -> Option<(&str, bool)> {
        match (self.field, &self.value) {
            (Field::Label, Value::Text(label)) => Some((label, self.op == Op::Equal)),
            _ => None,
        }
    }
}

/// Whether a text is of a glob: `*` stands for any characters, slashes too, `?` for one.
fn matches(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut g, mut t) = (0, 0);
    // The last star, and where the text goes on behind what it stands for.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&character) = text.get(t) {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(&it) if it == '?' || it == character => {
                g += 1;
                t += 1;
            }
            _ => {
                let Some((at, end)) = star else {
                    return false;
                };
                star = Some((at, end + 1));
                g = at + 1;
                t = end + 1;
            }
        }
    }
    glob.iter().skip(g).all(|&rest| rest == '*')
}

impl FromStr for FrameFilter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let no_condition = || FilterError::NoCondition(text.trim().to_owned());
        let is_op = |it: char| "!<>=".contains(it);
        let start = text.find(is_op).ok_or_else(no_condition)?;
        let (field, rest) = text.split_at(start);
        let end = rest.find(|it| !is_op(it)).unwrap_or(rest.len());
        let (op, value) = rest.split_at(end);
        let (name, value) = (field.trim(), value.trim());
        let field = find(&FIELDS, name).ok_or_else(|| FilterError::Field(name.to_owned()))?;
        if value.is_empty() {
            return Err(no_condition());
        }
        Ok(Self {
            field,
            op: operator(name, field, op)?,
            value: value_of(name, field, value)?,
        })
    }
}

fn operator(name: &str, field: Field, op: &str) -> Result<Op, FilterError> {
    let allowed = match field {
        Field::Video | Field::Label | Field::Annotator | Field::State | Field::Target => "= and !=",
        _ => "=, !=, <, <=, > and >=",
    };
    let only_equal = allowed == "= and !=";
    let known = find(&OPS, op).filter(|it| !only_equal || matches!(it, Op::Equal | Op::Unequal));
    known.ok_or_else(|| FilterError::Op {
        op: op.to_owned(),
        field: name.to_owned(),
        allowed,
    })
}

fn value_of(name: &str, field: Field, value: &str) -> Result<Value, FilterError> {
    match field {
        Field::Video | Field::Label | Field::Annotator | Field::Target => {
            Ok(Value::Text(value.to_owned()))
        }
        Field::State => {
            let state = STATES.into_iter().find(|it| it.to_string() == value);
            state
                .map(Value::State)
                .ok_or_else(|| FilterError::State(value.to_owned()))
        }
        _ => {
            let number = value.parse().ok().filter(|it: &f64| it.is_finite());
            // Without -0, which is 0 and is written otherwise.
            let number = number.map(|it| Value::Number(it + 0.0));
            number.ok_or_else(|| FilterError::Number {
                field: name.to_owned(),
                value: value.to_owned(),
            })
        }
    }
}

/// As it is kept: a space on each side of the operator.
impl fmt::Display for FrameFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, op) = (name_of(&FIELDS, &self.field), name_of(&OPS, &self.op));
        write!(f, "{field} {op} ")?;
        match &self.value {
            Value::Text(text) => f.write_str(text),
            Value::State(state) => state.fmt(f),
            Value::Number(number) => write!(f, "{number}"),
        }
    }
}

impl From<FrameFilter> for String {
    fn from(filter: FrameFilter) -> Self {
        filter.to_string()
    }
}

impl TryFrom<String> for FrameFilter {
    type Error = FilterError;

    fn try_from(text: String) -> Result<Self, FilterError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::counting;
    use crate::testing::{annotation, candidate, square};
    use proptest::prelude::*;

    fn filter(text: &str) -> FrameFilter {
        text.parse().unwrap()
    }

    #[test]
    fn conditions_on_a_frame() {
        let frame = candidate("site-3/a.mp4@12", 8, 1);
        for (text, fits) in [
            ("video=site-3/*", true),
            ("video=site-3/a.mp4", true),
            ("video=site-3/a.mp4@12", true),
            ("video=site-3/a.mp4@13", false),
            ("video=a.mp4", false),
            ("video != *.mp4", false),
            ("video=site-?/?.mp4", true),
            ("video=site-??/a.mp4", false),
            ("seconds=2", true),
            ("seconds<2", false),
            ("seconds<=2.0", true),
            ("seconds>1.9", true),
            ("seconds>=2.1", false),
            ("seconds!=2", false),
            ("width=640", true),
            ("height<480", false),
            ("sharpness=12.3", true),
            ("sharpness>12.3", false),
            ("index>=8", true),
            ("index>8", false),
            ("state=labeled", true),
            ("label=car", true),
        ] {
            assert_eq!(filter(text).fits_frame(&frame), fits, "{text}");
        }
    }

    #[test]
    fn conditions_on_an_answer() {
        let given = annotation("cvat", 1, 1, &[square("car", 1.0)]);
        let given = counting(vec![given]);
        for (text, with, without) in [
            ("annotator=ann", true, false),
            ("annotator != ann", false, true),
            ("target=cvat", true, false),
            ("target!=scale", true, true),
            ("state=labeled", true, false),
            ("state != unlabeled", true, false),
            ("index=9", true, true),
        ] {
            let filter = filter(text);
            let fits = filter.fits_answer(FrameState::Labeled, given.as_ref());
            assert_eq!(fits, with, "{text}");
            let fits = filter.fits_answer(FrameState::Unlabeled, None);
            assert_eq!(fits, without, "{text}");
        }
        assert_eq!(filter("label != a=b").label(), Some(("a=b", false)));
        assert_eq!(filter("index=1").label(), None);
    }

    #[test]
    fn what_is_no_condition_is_named() {
        let error = |text: &str| text.parse::<FrameFilter>().unwrap_err().to_string();
        for (text, message) in [
            ("", "`` is no condition"),
            ("seconds", "`seconds` is no condition"),
            ("seconds >=", "`seconds >=` is no condition"),
            (
                "second > 1",
                "frames have no `second`: the fields are video, label,",
            ),
            (
                "label < a",
                "`<` is no operator of label: it takes = and !=",
            ),
            (
                "label == a",
                "`==` is no operator of label: it takes = and !=",
            ),
            (
                "index => 1",
                "`=>` is no operator of index: it takes =, !=, <,",
            ),
            ("index = many", "`many` is no number, and index is one"),
            ("seconds < nan", "`nan` is no number, and seconds is one"),
            (
                "state = done",
                "`done` is no state: the states are unlabeled, skipped, empty,",
            ),
        ] {
            assert!(error(text).starts_with(message), "{}", error(text));
        }
    }

    #[test]
    fn conditions_are_kept_in_one_form() {
        for (text, kept) in [
            (" seconds>=10.0 ", "seconds >= 10"),
            ("index=-0", "index = 0"),
            ("label= =a ", "label = =a"),
            ("video!=a b/*", "video != a b/*"),
            ("state =empty", "state = empty"),
        ] {
            assert_eq!(filter(text).to_string(), kept);
            let json = serde_json::to_string(&filter(text)).unwrap();
            assert_eq!(json, format!("\"{kept}\""));
            assert_eq!(
                serde_json::from_str::<FrameFilter>(&json).unwrap(),
                filter(text)
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_condition_that_survives_or_an_error(
            field in "(video|label|state|index|x)?", text in "[ !<>=a*0-9.]{0,12}",
        ) {
            if let Ok(filter) = format!("{field}{text}").parse::<FrameFilter>() {
                prop_assert_eq!(filter.to_string().parse(), Ok(filter));
            }
        }

        #[test]
        fn globs_are_what_the_regular_expression_says(glob in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let pattern = format!("^{}$", glob.replace('*', ".*").replace('?', "."));
            let expected = regex::Regex::new(&pattern).unwrap().is_match(&text);
            prop_assert_eq!(matches(&glob, &text), expected);
        }
    }
}
