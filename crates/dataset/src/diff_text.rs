//! Differences for people.

use crate::{Changed, Diff, FrameChange, FrameDiff, LabelDiff, Moved, ShapeDiff, Version};
use std::fmt;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |it: &Version| {
            let hash: String = it.hash.chars().take(12).collect();
            format!("{} {hash}", it.name)
        };
        writeln!(f, "{} → {}", short(&self.from), short(&self.to))?;
        if self.rule_changed {
            writeln!(f, "built by another rule")?;
        }
        if self.is_empty() {
            return writeln!(f, "the same frames and labels");
        }
        let FrameDiff {
            all,
            added,
            removed,
            image,
            split,
            state,
            shapes,
        } = self.frames;
        writeln!(
            f,
            "frames: {added} added, {removed} removed, {image} with another image, {split} in another split, {state} in another state, {shapes} with other shapes"
        )?;
        let ShapeDiff {
            added,
            removed,
            changed,
        } = self.shapes;
        writeln!(
            f,
            "their shapes: {added} added, {removed} removed, {changed} changed"
        )?;
        self.labels.fmt(f)?;
        self.listed.iter().try_for_each(|it| writeln!(f, "{it}"))?;
        match all.saturating_sub(self.listed.len() as u64) {
            0 => Ok(()),
            more => writeln!(f, "… and {more} more"),
        }
    }
}

impl fmt::Display for LabelDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.added {
            writeln!(f, "label {name}: added")?;
        }
        for name in &self.removed {
            writeln!(f, "label {name}: removed")?;
        }
        for Moved { from, to } in &self.renamed {
            writeln!(f, "label {from}: is {to} now")?;
        }
        Ok(())
    }
}

impl fmt::Display for FrameChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}: ", self.video, self.index)?;
        match &self.change {
            Changed::Added => f.write_str("added"),
            Changed::Removed => f.write_str("removed"),
            Changed::Changed {
                image,
                split,
                state,
                shapes,
            } => {
                let mut parts = Vec::new();
                parts.extend(image.then(|| "another image".to_owned()));
                parts.extend(split.as_ref().map(|it| format!("{} → {}", it.from, it.to)));
                parts.extend(state.as_ref().map(|it| format!("{} → {}", it.from, it.to)));
                parts.extend((!shapes.is_none()).then(|| {
                    let ShapeDiff {
                        added,
                        removed,
                        changed,
                    } = shapes;
                    format!("shapes +{added} -{removed} ~{changed}")
                }));
                f.write_str(&parts.join(", "))
            }
        }
    }
}
