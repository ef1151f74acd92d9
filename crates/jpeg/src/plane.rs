use crate::error::JpegError;

/// Rows of samples somewhere in memory.
#[derive(Clone, Copy, Debug)]
pub struct PlaneView<'a> {
    samples: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> PlaneView<'a> {
    /// `height` rows of `width` samples; each row begins `stride` samples after the one before.
    /// A stride of 0 repeats one row.
    ///
    /// # Errors
    /// [`JpegError::Plane`] where the size is 0 or the last row ends beyond `samples`.
    pub fn new(
        samples: &'a [u8],
        stride: usize,
        width: usize,
        height: usize,
    ) -> Result<Self, JpegError> {
        let end = height
            .checked_sub(1)
            .and_then(|rows| rows.checked_mul(stride))
            .and_then(|start| start.checked_add(width));
        if width == 0 || end.is_none_or(|end| end > samples.len()) {
            return Err(JpegError::Plane {
                width,
                height,
                stride,
                samples: samples.len(),
            });
        }
        Ok(Self {
            samples,
            stride,
            width,
            height,
        })
    }

    /// Samples in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// A row; beyond the last, the last.
    pub(crate) fn row(&self, y: usize) -> &'a [u8] {
        let start = y.min(self.height - 1) * self.stride;
        self.samples
            .get(start..start + self.width)
            .unwrap_or_default()
    }
}
