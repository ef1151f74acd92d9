//! Pictures of one sample type: slices become pictures, pictures references and frames.

use crate::Error;
use crate::filter::{Filter, SliceFilter};
use crate::frame::{Frame, Shown, Store, planes};
use crate::macroblock::Mb;
use crate::opening::Opening;
use crate::picture::{Format, Picture};
use crate::poc::PocState;
use crate::pps::Pps;
use crate::quantisation::Scales;
use crate::references::{self, Dpb, Reference};
use crate::sample::Sample;
use crate::scaling::ScalingMatrices;
use crate::slice::{Entropy, Lists, Parameters, Ref, Slice, Target};
use crate::slice_groups;
use crate::slice_header::{SliceHeader, SliceKind, Structure};
use crate::sps::Sps;
use std::sync::Arc;

/// A slice as it came.
pub(crate) struct Unit<'a> {
    pub rbsp: &'a [u8],
    pub header: SliceHeader,
    /// Where slice data begins, in bits.
    pub start: usize,
    /// See [`Parameters::old_x264`].
    pub old_x264: bool,
    pub sps: Arc<Sps>,
    pub pps: Arc<Pps>,
}

/// Decodes pictures of one format.
pub(crate) struct Engine<S> {
    format: Format,
    dpb: Dpb<Arc<Picture<S>>>,
    poc: PocState,
    /// The frame being decoded, maybe between its fields.
    frame: Option<Open<S>>,
    /// The picture being decoded: the frame, or a field of it.
    current: Option<Current>,
    /// All pictures, for their buffers.
    pool: Vec<Arc<Picture<S>>>,
    mbs: Vec<Mb>,
    scales: Option<(Arc<Pps>, Arc<Sps>, Arc<Scales>)>,
    /// Pictures before a recovery point cannot be trusted, and the frame_num at which it is reached.
    recovery: Option<u32>,
    /// Whether pictures behind the first one may have been left out.
    opening: Opening,
    ready: Vec<Frame>,
}

/// A frame that is not complete.
struct Open<S> {
    picture: Picture<S>,
    tag: i64,
    second_tag: Option<i64>,
    shown: Shown,
    slices: Vec<SliceFilter>,
    /// Fields that are decoded, and the first one's structure.
    done: [bool; 2],
    first: SliceHeader,
}

/// A picture whose slices come in.
struct Current {
    header: SliceHeader,
    sps: Arc<Sps>,
    pocs: [i32; 2],
    /// Macroblocks that are there.
    mbs: u32,
    /// What was wrong with slices: it counts where macroblocks are missing in the end.
    error: Option<String>,
    /// What the picture refers to is missing or damaged, or a part of it contradicts another.
    damage: Option<String>,
    /// `recovery_frame_cnt` lies behind.
    recovered: bool,
}

impl<S: Sample + Store> Engine<S> {
    /// For pictures of `format`.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            dpb: Dpb::default(),
            poc: PocState::default(),
            frame: None,
            current: None,
            pool: Vec::new(),
            mbs: Vec::new(),
            scales: None,
            recovery: None,
            opening: Opening::Over,
            ready: Vec::new(),
        }
    }

    /// Takes the frames that are complete.
    pub fn take(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.ready)
    }

    /// Decoding begins at a recovery point that is reached after `count` frames.
    pub fn begin_at_recovery_point(&mut self, frame_num: u32) {
        self.recovery = Some(frame_num);
        self.opening = Opening::Awaited;
    }

    /// Decodes a slice.
    ///
    /// # Errors
    /// A feature that is not there. Damage is noted in the picture.
    pub fn slice(&mut self, unit: &Unit<'_>, tag: i64) -> Result<(), Error> {
        let begins = self.current.as_ref().is_none_or(|current| {
            unit.header.redundant_pic_cnt == 0
                && crate::slice_header::is_new_picture(&current.header, &unit.header)
        });
        if begins {
            self.finish_picture();
            if unit.header.redundant_pic_cnt > 0 {
                return Ok(());
            }
            self.begin(unit, tag)?;
        }
        self.decode(unit);
        Ok(())
    }

    /// Begins a picture.
    fn begin(&mut self, unit: &Unit<'_>, tag: i64) -> Result<(), Error> {
        let header = &unit.header;
        let second = self
            .frame
            .as_ref()
            .is_some_and(|open| is_second_field(open, header));
        if !second {
            self.close_frame();
        }
        self.dpb.check(header)?;
        let left_out = self.opening == Opening::Begun;
        let mut damage = self.dpb.start(&unit.sps, header, second, left_out);
        if !second {
            self.opening = self.opening.after_a_picture();
        }
        let pocs = self.poc.decode(&unit.sps, header)?;
        if !second {
            let picture = self.allocate();
            self.frame = Some(Open {
                picture,
                tag,
                second_tag: None,
                shown: shown(&unit.sps),
                slices: Vec::new(),
                done: [false; 2],
                first: header.clone(),
            });
            self.mbs.clear();
            self.mbs.resize_with(self.format.mbs(), Mb::default);
        }
        let Some(open) = &mut self.frame else {
            return Ok(());
        };
        open.second_tag = (tag != open.tag).then_some(tag);
        open.picture.mbaff = header.structure == Structure::Frame && unit.sps.mbaff;
        for field in fields(header.structure) {
            open.picture.pocs[field] = pocs[field];
        }
        if header.idr {
            self.recovery = None;
        }
        let recovered = match self.recovery {
            Some(at) if at == header.frame_num => {
                self.recovery = None;
                true
            }
            Some(_) => {
                damage.get_or_insert_with(|| "before the recovery point of the stream".to_owned());
                false
            }
            None => false,
        };
        self.current = Some(Current {
            header: header.clone(),
            sps: unit.sps.clone(),
            pocs: open.picture.pocs,
            mbs: 0,
            error: None,
            damage,
            recovered,
        });
        Ok(())
    }

    /// A picture to write to, in old buffers where some are free.
    fn allocate(&mut self) -> Picture<S> {
        let free = self
            .pool
            .iter()
            .position(|picture| Arc::strong_count(picture) == 1);
        let old = free.and_then(|at| Arc::try_unwrap(self.pool.swap_remove(at)).ok());
        // Others that are free are more than this stream needs.
        self.pool.retain(|picture| Arc::strong_count(picture) > 1);
        Picture::new(self.format, old)
    }

    /// Decodes a slice of the current picture; what is wrong is noted there.
    fn decode(&mut self, unit: &Unit<'_>) {
        match self.try_decode(unit) {
            Ok((mbs, lost)) => {
                if let Some(current) = &mut self.current {
                    current.mbs += mbs;
                    let trusted = current.recovered;
                    if let Some(lost) = lost.filter(|_| !trusted) {
                        current.damage.get_or_insert(lost);
                    }
                }
            }
            Err(error) => {
                // A redundant slice may still fill the gap.
                let number = self
                    .frame
                    .as_ref()
                    .map_or(0, |open| open.slices.len() as u32);
                for mb in self.mbs.iter_mut().filter(|mb| mb.slice == number) {
                    mb.slice = 0;
                }
                if let Some(current) = &mut self.current {
                    current.error.get_or_insert(error.to_string());
                }
            }
        }
    }

    fn try_decode(&mut self, unit: &Unit<'_>) -> Result<(u32, Option<String>), Error> {
        let scales = self.scales(unit);
        let header = &unit.header;
        let (Some(open), Some(current)) = (&mut self.frame, &mut self.current) else {
            return Ok((0, None));
        };
        if header.redundant_pic_cnt > 0 && self.mbs.iter().all(|mb| mb.slice != 0) {
            return Ok((0, None));
        }
        let mbaff = header.structure == Structure::Frame && unit.sps.mbaff;
        let (lists, problem) = references::lists(&self.dpb, header, current.pocs);
        if let Some(problem) = problem.filter(|_| !current.recovered) {
            current.damage.get_or_insert(problem);
        }
        let lists = Lists::new(
            lists.map(|list| list.into_iter().map(entry).collect()),
            mbaff,
        );
        let groups = slice_groups::map(&unit.sps, &unit.pps, header);
        open.slices.push(SliceFilter {
            disabled: header.deblocking.disabled_idc,
            alpha_offset: header.deblocking.alpha_offset,
            beta_offset: header.deblocking.beta_offset,
        });
        let idc = (header.kind != SliceKind::I).then_some(header.cabac_init_idc);
        let cabac = unit.pps.cabac.then_some((idc, header.qp));
        let entropy = Entropy::open(unit.rbsp, unit.start, cabac)?;
        let parameters = Parameters {
            sps: &unit.sps,
            pps: &unit.pps,
            header,
            scales: &scales,
            groups: groups.as_deref(),
            old_x264: unit.old_x264,
            number: open.slices.len() as u32,
            pocs: current.pocs,
        };
        let picture = &mut open.picture;
        let target = Target {
            format: self.format,
            planes: picture
                .planes
                .each_mut()
                .map(|plane| Arc::make_mut(plane).as_mut_slice()),
            motion: &mut picture.motion,
            mbs: &mut self.mbs,
        };
        let decoded = Slice::new(parameters, target, entropy, &lists).decode()?;
        Ok((decoded.mbs, decoded.lost))
    }

    fn scales(&mut self, unit: &Unit<'_>) -> Arc<Scales> {
        if let Some((pps, sps, scales)) = &self.scales
            && Arc::ptr_eq(pps, &unit.pps)
            && Arc::ptr_eq(sps, &unit.sps)
        {
            return scales.clone();
        }
        let matrices = ScalingMatrices::of(unit.sps.scaling.as_ref(), unit.pps.scaling.as_ref());
        let scales = Arc::new(Scales::new(&unit.sps, &unit.pps, &matrices));
        self.scales = Some((unit.pps.clone(), unit.sps.clone(), scales.clone()));
        scales
    }

    /// Ends the picture: filters it, marks references, hands out its frame when that is complete.
    pub fn finish_picture(&mut self) {
        let (Some(current), Some(open)) = (self.current.take(), &mut self.frame) else {
            return;
        };
        let structure = current.header.structure;
        let missing = conceal(self.format, &mut open.picture, &self.mbs, structure);
        let damage = match missing {
            0 => current.damage,
            count => Some(
                current
                    .error
                    .unwrap_or_else(|| format!("{count} macroblocks are missing")),
            ),
        };
        let damage: Option<Arc<str>> = damage.map(Arc::from);
        let picture = &mut open.picture;
        Filter {
            format: self.format,
            planes: picture
                .planes
                .each_mut()
                .map(|plane| Arc::make_mut(plane).as_mut_slice()),
            motion: &picture.motion,
            mbs: &self.mbs,
            slices: &open.slices,
            field: match structure {
                Structure::Frame => None,
                Structure::Top => Some(0),
                Structure::Bottom => Some(1),
            },
            mbaff: picture.mbaff,
        }
        .run();
        for field in fields(structure) {
            picture.damage[field] = damage.clone();
            open.done[field] = true;
        }
        let complete = open.done == [true; 2];
        let pocs = current.pocs;
        let (sps, header) = (&current.sps, &current.header);
        if !complete {
            let payload = Arc::new(picture.clone());
            self.poc.after(header, pocs);
            self.dpb.finish(sps, header, payload, pocs);
            return;
        }
        let Some(open) = self.frame.take() else {
            return;
        };
        let (picture, frame) = emit(open);
        self.pool.push(picture.clone());
        self.poc.after(header, pocs);
        self.dpb.finish(sps, header, picture, pocs);
        self.ready.push(frame);
    }

    /// Hands out a frame whose second field never came.
    pub fn close_frame(&mut self) {
        self.finish_picture();
        let Some(mut open) = self.frame.take() else {
            return;
        };
        let missing = usize::from(open.done[0]);
        double_field(self.format, &mut open.picture, 1 - missing);
        open.picture.damage[missing] = Some(Arc::from("one field of the frame is missing"));
        let (picture, frame) = emit(open);
        self.pool.push(picture);
        self.ready.push(frame);
    }
}

fn emit<S: Sample + Store>(open: Open<S>) -> (Arc<Picture<S>>, Frame) {
    let picture = Arc::new(open.picture);
    let damage = picture.damage.iter().flatten().next();
    let frame = Frame {
        tag: open.tag,
        second_tag: open.second_tag,
        width: open.shown.width as u32,
        height: open.shown.height as u32,
        chroma: picture.format.chroma,
        bit_depth: picture.format.bit_depth,
        planes: planes(picture.format, &picture.planes, open.shown),
        damage: damage.map(|damage| damage.to_string()),
    };
    (picture, frame)
}

/// Fields of a structure: 0 top, 1 bottom.
fn fields(structure: Structure) -> std::ops::Range<usize> {
    match structure {
        Structure::Frame => 0..2,
        Structure::Top => 0..1,
        Structure::Bottom => 1..2,
    }
}

/// Whether a field completes the open frame (clause 7.4.1.2.4, second fields of 3.30).
fn is_second_field<S>(open: &Open<S>, header: &SliceHeader) -> bool {
    let first = &open.first;
    let opposite = matches!(
        (first.structure, header.structure),
        (Structure::Top, Structure::Bottom) | (Structure::Bottom, Structure::Top)
    );
    let both_references = (first.nal_ref_idc > 0) == (header.nal_ref_idc > 0);
    opposite
        && first.frame_num == header.frame_num
        && !header.idr
        && (both_references || first.nal_ref_idc > 0)
}

fn shown(sps: &Sps) -> Shown {
    Shown {
        left: sps.crop.left as usize,
        top: sps.crop.top as usize,
        width: sps.width() as usize,
        height: sps.height() as usize,
    }
}

fn entry<S>(reference: Reference<Arc<Picture<S>>>) -> Ref<S> {
    let parity = match reference.structure {
        Structure::Top => 1,
        Structure::Bottom => 2,
        Structure::Frame => 3,
    };
    Ref {
        picture: reference.payload,
        parity,
        poc: reference.poc,
        pocs: reference.pocs,
        long_term: reference.long_term,
        id: ((reference.id << 2) & 0x3fff_ffff) as i32 | i32::from(parity),
    }
}

/// Makes macroblocks that are not there grey, and counts them: what was in the buffer before must not
/// be seen.
fn conceal<S: Sample>(
    format: Format,
    picture: &mut Picture<S>,
    mbs: &[Mb],
    structure: Structure,
) -> u32 {
    let grey = S::from_int(1 << (format.bit_depth - 1));
    let mut missing = 0;
    for (index, _) in mbs.iter().enumerate().filter(|(_, mb)| mb.slice == 0) {
        let (x, row) = (index % format.width_mbs, index / format.width_mbs);
        if !fields(structure).contains(&(row % 2)) && structure != Structure::Frame {
            continue;
        }
        missing += 1;
        for list in 0..2 {
            if let Some(all) = picture.motion.ref_idx[list].get_mut(index * 4..index * 4 + 4) {
                all.fill(-1);
            }
            if let Some(all) = picture.motion.ref_id[list].get_mut(index * 4..index * 4 + 4) {
                all.fill(crate::picture::NO_REFERENCE);
            }
        }
        for plane in 0..3 {
            let (stride, _) = format.plane(plane);
            let (width, height) = match plane {
                0 => (16, 16),
                _ => format.chroma.block(),
            };
            let samples = Arc::make_mut(&mut picture.planes[plane]);
            for line in 0..height {
                let y = match structure {
                    Structure::Frame => row * height + line,
                    _ => (row / 2 * height + line) * 2 + row % 2,
                };
                let at = y * stride + x * width;
                if let Some(samples) = samples.get_mut(at..at + width) {
                    samples.fill(grey);
                }
            }
        }
    }
    missing
}

/// Shows a field's lines twice.
fn double_field<S: Sample>(format: Format, picture: &mut Picture<S>, there: usize) {
    for plane in 0..3 {
        let (stride, _) = format.plane(plane);
        if stride == 0 {
            continue;
        }
        for pair in Arc::make_mut(&mut picture.planes[plane]).chunks_exact_mut(2 * stride) {
            let (top, bottom) = pair.split_at_mut(stride);
            match there {
                0 => bottom.copy_from_slice(top),
                _ => top.copy_from_slice(bottom),
            }
        }
    }
}
