//! Sample descriptions: each sample is decoded with its own (ISO 14496-12 clause 8.5.2).

use crate::{IndexError, IndexWarning, Sample};

/// Number of the description of a sample, from its 1-based `sample_description_index`. One that no
/// [`Sample`] can name is the last, which is none of [`MAX_DESCRIPTIONS`].
pub(super) fn number(index: u32) -> u8 {
    let number = index.checked_sub(1).and_then(|it| u8::try_from(it).ok());
    number.unwrap_or(u8::MAX)
}

/// The most descriptions of a track that are looked at.
pub(super) const MAX_DESCRIPTIONS: usize = 255;

/// Numbers the descriptions anew in the order in which samples use them: which of the usable ones
/// each is. `usable` has for each description of the track its place among those that can be used.
/// Samples of others are left out, with a warning.
///
/// # Errors
/// [`IndexError::NoFrames`] where no sample is left.
pub(super) fn assign(
    samples: &mut Vec<Sample>,
    usable: &[Option<u8>],
    warnings: &mut Vec<IndexWarning>,
) -> Result<Vec<u8>, IndexError> {
    if usable.len() == 1 {
        samples.iter_mut().for_each(|sample| sample.description = 0);
        return Ok(vec![0]);
    }
    let mut used: Vec<u8> = Vec::new();
    let mut lost: Option<IndexWarning> = None;
    let mut count = 0_u64;
    samples.retain_mut(|sample| {
        let Some(&Some(place)) = usable.get(usize::from(sample.description)) else {
            let lost = lost.get_or_insert_with(|| IndexWarning {
                code: "unusable_description".to_owned(),
                message: String::new(),
                from_pts: Some(sample.pts),
                to_pts: None,
            });
            lost.from_pts = lost.from_pts.min(Some(sample.pts));
            lost.to_pts = lost.to_pts.max(Some(sample.pts));
            count += 1;
            return false;
        };
        let found = used.iter().position(|&it| it == place);
        let number = found.unwrap_or_else(|| {
            used.push(place);
            used.len() - 1
        });
        sample.description = u8::try_from(number).unwrap_or(u8::MAX);
        true
    });
    if let Some(mut lost) = lost {
        lost.message = format!(
            "{count} frames have a sample description that is not there or cannot be used: they are left out"
        );
        warnings.push(lost);
    }
    if used.is_empty() {
        return Err(IndexError::NoFrames);
    }
    Ok(used)
}
