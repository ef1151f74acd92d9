//! The one place with `unsafe`: rav1d's public interface is dav1d's C one. Everything here
//! owns what it hands to rav1d and gives it back exactly once; nothing borrows beyond a call.

use rav1d::include::dav1d::data::Dav1dData;
use rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dLogger, Dav1dSettings};
use rav1d::include::dav1d::headers::{
    DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422,
};
use rav1d::include::dav1d::picture::Dav1dPicture;
use rav1d::src::lib::{
    dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture,
    dav1d_open, dav1d_picture_unref, dav1d_send_data,
};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::{ChromaSampling, ColorDescription, Samples};

/// A negated errno, as dav1d answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(pub i32);

impl Code {
    /// "Take pictures first" from [`Context::send`], "no picture" from [`Context::picture`].
    pub fn is_again(self) -> bool {
        self.0 == -libc::EAGAIN
    }

    fn check(code: i32) -> Result<(), Self> {
        if code == 0 { Ok(()) } else { Err(Self(code)) }
    }
}

/// An open decoder.
pub(super) struct Context(Option<Dav1dContext>);

impl Context {
    /// One thread, no delay, film grain applied, operating point 0, highest layer only,
    /// pictures up to `max_pixels`.
    pub fn open(max_pixels: u32) -> Result<Self, Code> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: the pointer is that of a local; the call writes all of the struct.
        let mut settings = unsafe {
            dav1d_default_settings(NonNull::from(&mut settings).cast());
            settings.assume_init()
        };
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.apply_grain = 1;
        settings.operating_point = 0;
        settings.all_layers = 0;
        settings.frame_size_limit = max_pixels;
        // What breaks a rule is damaged: what follows from it would be wrong without a word.
        settings.strict_std_compliance = 1;
        // SAFETY: no callback, so nothing is ever called.
        settings.logger = unsafe { Dav1dLogger::new(None, None) };
        let mut context = None;
        // SAFETY: both pointers are those of locals that outlive the call.
        let code = unsafe {
            dav1d_open(
                Some(NonNull::from(&mut context)),
                Some(NonNull::from(&mut settings)),
            )
        };
        Code::check(code.0)?;
        Ok(Self(context))
    }

    /// Hands over the bytes of a temporal unit. `take` is called while the decoder wants
    /// pictures taken first; it answers whether it took one.
    pub fn send(
        &mut self,
        bytes: &[u8],
        timestamp: i64,
        mut take: impl FnMut(&mut Self) -> Result<bool, Code>,
    ) -> Result<(), Code> {
        let mut data = Data::copy_of(bytes, timestamp)?;
        loop {
            // SAFETY: the context is open (`close` is only called by `drop`); `data` is a
            // valid `Dav1dData`, which rav1d empties when it has taken the bytes over.
            let code = unsafe { dav1d_send_data(self.0, Some(NonNull::from(&mut data.0))) };
            match Code::check(code.0) {
                Err(code) if code.is_again() && take(self)? => {}
                other => return other,
            }
        }
    }

    /// The next picture.
    pub fn picture(&mut self) -> Result<Picture, Code> {
        let mut picture = Picture(Dav1dPicture::default());
        // SAFETY: the context is open; the pointer is that of a local holding a valid, empty
        // picture, which rav1d overwrites.
        let code = unsafe { dav1d_get_picture(self.0, Some(NonNull::from(&mut picture.0))) };
        Code::check(code.0)?;
        Ok(picture)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: called once; rav1d takes the context out and leaves `None`.
        unsafe { dav1d_close(Some(NonNull::from(&mut self.0))) }
    }
}

/// Bytes owned by rav1d's reference counting.
struct Data(Dav1dData);

impl Data {
    fn copy_of(bytes: &[u8], timestamp: i64) -> Result<Self, Code> {
        let mut data = Self(Dav1dData::default());
        // SAFETY: the pointer is that of a local; rav1d writes the whole struct.
        let target = unsafe { dav1d_data_create(Some(NonNull::from(&mut data.0)), bytes.len()) };
        if target.is_null() {
            return Err(Code(-libc::ENOMEM));
        }
        // SAFETY: not null, so `bytes.len()` bytes that nobody else knows yet.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
        data.0.m.timestamp = timestamp;
        Ok(data)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // SAFETY: valid, and emptied by rav1d where it was taken over, which makes this a no-op.
        unsafe { dav1d_data_unref(Some(NonNull::from(&mut self.0))) }
    }
}

/// A decoded picture; rav1d keeps its samples alive until it is dropped.
pub(super) struct Picture(Dav1dPicture);

impl Picture {
    /// The timestamp of the temporal unit it came from.
    pub fn timestamp(&self) -> i64 {
        self.0.m.timestamp
    }

    /// Width and height in luma samples.
    pub fn size(&self) -> (u32, u32) {
        let side = |value: i32| u32::try_from(value).unwrap_or(0);
        (side(self.0.p.w), side(self.0.p.h))
    }

    /// Bits per sample: 8, 10 or 12.
    pub fn bit_depth(&self) -> u8 {
        u8::try_from(self.0.p.bpc).unwrap_or(0)
    }

    /// Chroma sampling.
    pub fn chroma(&self) -> ChromaSampling {
        match self.0.p.layout {
            DAV1D_PIXEL_LAYOUT_I400 => ChromaSampling::Monochrome,
            DAV1D_PIXEL_LAYOUT_I420 => ChromaSampling::Cs420,
            DAV1D_PIXEL_LAYOUT_I422 => ChromaSampling::Cs422,
            _ => ChromaSampling::Cs444,
        }
    }

    /// Colour of the sequence header.
    pub fn color(&self) -> ColorDescription {
        let Some(header) = self.0.seq_hdr else {
            return ColorDescription::default();
        };
        // SAFETY: the picture holds a reference on the header it points to.
        let header = unsafe { header.as_ref() };
        let code = |value: u32| u8::try_from(value).unwrap_or(2);
        let full = header.color_range != 0;
        ColorDescription::from_cicp(
            code(header.pri),
            code(header.trc),
            code(header.mtrx),
            Some(full),
        )
    }

    /// `width` by `height` samples of a plane, which must not be more than the plane has:
    /// callers pass what [`Self::size`] and [`Self::chroma`] say.
    pub fn plane(&self, index: usize, width: u32, height: u32) -> Option<Samples> {
        let base = (*self.0.data.get(index)?)?;
        let stride = *self.0.stride.get(usize::from(index > 0))?;
        let deep = self.bit_depth() > 8;
        let (width, height) = (width as usize, height as usize);
        let row_bytes = width.checked_mul(if deep { 2 } else { 1 })?;
        if row_bytes > stride.unsigned_abs() || !self.holds(index, width, height) {
            return None;
        }
        let count = width.checked_mul(height)?;
        let mut bytes = Vec::new();
        let mut words = Vec::new();
        if deep {
            words.reserve_exact(count);
        } else {
            bytes.reserve_exact(count);
        }
        for row in 0..isize::try_from(height).ok()? {
            let offset = row.checked_mul(stride)?;
            // SAFETY: rav1d allocates `stride` bytes for each of the plane's rows, `row` is
            // below their number and `row_bytes` not above the stride (both checked); nobody
            // writes to a picture that was handed out. 16-bit rows are aligned: rav1d aligns
            // planes and strides to 64 bytes.
            unsafe {
                let start = base.as_ptr().cast::<u8>().offset(offset);
                if deep {
                    words.extend_from_slice(std::slice::from_raw_parts(start.cast::<u16>(), width));
                } else {
                    bytes.extend_from_slice(std::slice::from_raw_parts(start, width));
                }
            }
        }
        Some(if deep {
            Samples::from(words)
        } else {
            Samples::from(bytes)
        })
    }

    /// Whether the plane has at least that many samples.
    fn holds(&self, index: usize, width: usize, height: usize) -> bool {
        let (w, h) = self.size();
        let (w, h) = match (index, self.chroma()) {
            (0, _) | (_, ChromaSampling::Cs444) => (w, h),
            (_, ChromaSampling::Cs422) => (w.div_ceil(2), h),
            (_, ChromaSampling::Cs420) => (w.div_ceil(2), h.div_ceil(2)),
            (_, ChromaSampling::Monochrome) => (0, 0),
        };
        width <= w as usize && height <= h as usize
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: a valid picture; dropped once.
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) }
    }
}
