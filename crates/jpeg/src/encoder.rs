//! From planes to a file.

use crate::bits::BitWriter;
use crate::component::{Component, Sampling};
use crate::dct::forward;
use crate::error::JpegError;
use crate::header;
use crate::huffman::HuffmanTable;
use crate::plane::PlaneView;
use crate::quantizer::{Kind, Quantizer};
use crate::strip::Strip;
use crate::symbols::{Symbol, Symbols, first_code};

/// An image that is encoded from top to bottom: a few rows at a time, so that whoever converts
/// them needs no whole planes.
pub struct Encoder {
    size: (u16, u16),
    sampling: Sampling,
    luma: Quantizer,
    chroma: Quantizer,
    components: Vec<Component>,
    symbols: Symbols,
    /// Rows of luma that are still to come.
    rows_left: usize,
}

/// Encodes an image of whole planes: luma, then Cb and Cr unless grey. JFIF wants the full range
/// of BT.601, and chroma in the middle of the luma samples it belongs to.
///
/// # Errors
/// [`JpegError`] as of [`Encoder`].
pub fn encode(planes: &[PlaneView], sampling: Sampling, quality: u8) -> Result<Vec<u8>, JpegError> {
    let (width, height) = planes.first().map_or((0, 0), |p| (p.width(), p.height()));
    let mut encoder = Encoder::new(width, height, sampling, quality)?;
    encoder.push(planes)?;
    encoder.finish()
}

impl Encoder {
    /// For an image of this size in pixels. `quality`, 1 to 100, scales the tables of T.81 Annex K
    /// as the Independent JPEG Group's library does.
    ///
    /// # Errors
    /// [`JpegError::Size`].
    pub fn new(
        width: usize,
        height: usize,
        sampling: Sampling,
        quality: u8,
    ) -> Result<Self, JpegError> {
        let side = |side: usize| u16::try_from(side).ok().filter(|side| *side > 0);
        let (Some(columns), Some(rows)) = (side(width), side(height)) else {
            return Err(JpegError::Size { width, height });
        };
        let component = |kind, width, blocks: (usize, usize)| Component {
            kind,
            width,
            blocks,
            strip: Strip::new(width, blocks.1),
            dc: 0,
        };
        let mut components = vec![component(Kind::Luma, width, sampling.luma_blocks())];
        if let Some((width, _)) = sampling.chroma_size(width, height) {
            components.extend([0, 1].map(|_| component(Kind::Chroma, width, (1, 1))));
        }
        Ok(Self {
            size: (columns, rows),
            sampling,
            luma: Quantizer::new(Kind::Luma, quality),
            chroma: Quantizer::new(Kind::Chroma, quality),
            components,
            symbols: Symbols::new(),
            rows_left: height,
        })
    }

    /// Takes the next rows of all planes: a multiple of [`Sampling::mcu_height`] of luma, or all
    /// that are left.
    ///
    /// # Errors
    /// [`JpegError::Planes`] where planes do not fit, [`JpegError::Memory`]. No other rows can be
    /// encoded then.
    pub fn push(&mut self, planes: &[PlaneView]) -> Result<(), JpegError> {
        let rows = planes.first().map_or(0, PlaneView::height);
        self.check(planes, rows)?;
        self.rows_left -= rows;
        let (across, _) = self.sampling.luma_blocks();
        let mcus = usize::from(self.size.0).div_ceil(8 * across);
        for mcu_row in 0..rows.div_ceil(self.sampling.mcu_height()) {
            self.mcu_row(planes, mcu_row, mcus)?;
        }
        Ok(())
    }

    fn check(&self, planes: &[PlaneView], rows: usize) -> Result<(), JpegError> {
        let fail = |what| Err(JpegError::Planes { what });
        if planes.len() != self.components.len() {
            return fail("there are too few or too many");
        }
        if rows > self.rows_left {
            return fail("there are more rows than the image has");
        }
        if rows < self.rows_left && !rows.is_multiple_of(self.sampling.mcu_height()) {
            return fail("rows that are not the last must be whole MCUs");
        }
        let chroma_rows = rows.div_ceil(self.sampling.luma_blocks().1);
        for (plane, component) in planes.iter().zip(&self.components) {
            let height = match component.kind {
                Kind::Luma => rows,
                Kind::Chroma => chroma_rows,
            };
            if (plane.width(), plane.height()) != (component.width, height) {
                return fail("a plane has another size than the sampling says");
            }
        }
        Ok(())
    }

    /// Encodes the `mcu_row`-th row of MCUs of these planes.
    fn mcu_row(
        &mut self,
        planes: &[PlaneView],
        mcu_row: usize,
        mcus: usize,
    ) -> Result<(), JpegError> {
        for (plane, component) in planes.iter().zip(&mut self.components) {
            component.strip.load(plane, mcu_row);
        }
        let mut coefficients = [0; 64];
        for mcu in 0..mcus {
            for component in &mut self.components {
                let quantizer = match component.kind {
                    Kind::Luma => &self.luma,
                    Kind::Chroma => &self.chroma,
                };
                let (across, down) = component.blocks;
                for row in 0..down {
                    for column in mcu * across..(mcu + 1) * across {
                        let Some(block) = component.strip.block(row, column) else {
                            self.symbols.padding(component.kind)?;
                            continue;
                        };
                        let mask = quantizer.quantize(&forward(block), &mut coefficients);
                        let block = (&coefficients, mask);
                        self.symbols
                            .block(component.kind, block, &mut component.dc)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes the file.
    ///
    /// # Errors
    /// [`JpegError::Planes`] where rows are missing, [`JpegError::Memory`].
    pub fn finish(self) -> Result<Vec<u8>, JpegError> {
        if self.rows_left > 0 {
            return Err(JpegError::Planes {
                what: "rows are missing",
            });
        }
        let mut file = Vec::new();
        header::start(&mut file);
        header::quantization(&mut file, Kind::Luma, &self.luma.steps);
        if self.sampling != Sampling::Grey {
            header::quantization(&mut file, Kind::Chroma, &self.chroma.steps);
        }
        header::frame(&mut file, self.size, self.sampling, &self.components);
        let codes = self.codes(&mut file);
        header::scan(&mut file, &self.components);
        self.reserve(&mut file, &codes)?;
        let mut writer = BitWriter::new(file);
        for chunk in self.symbols.chunks() {
            for symbol in chunk {
                let code = codes[symbol.code()];
                writer.put(code.bits | symbol.bits(), code.length);
            }
        }
        let mut file = writer.finish();
        file.extend(header::END_OF_IMAGE);
        Ok(file)
    }

    /// Makes the Huffman tables and writes them.
    fn codes(&self, file: &mut Vec<u8>) -> Box<[Code; Symbol::CODES]> {
        let mut codes = Box::new([Code::default(); Symbol::CODES]);
        let kinds = [Kind::Luma, Kind::Chroma];
        let kinds = kinds.into_iter().take(self.components.len());
        for (kind, ac) in kinds.flat_map(|kind| [(kind, false), (kind, true)]) {
            let table = HuffmanTable::new(self.symbols.counts(kind, ac));
            header::huffman(file, kind, ac, &table);
            for (symbol, code, length) in table.codes() {
                // The lower half of a symbol says how many bits follow.
                let more = u32::from(symbol) & 15;
                codes[first_code(kind, ac) + usize::from(symbol)] = Code {
                    bits: u32::from(code) << more,
                    length: u32::from(length) + more,
                };
            }
        }
        codes
    }

    /// Sets aside the memory of the file: all its bits, and some zeros between.
    fn reserve(&self, file: &mut Vec<u8>, codes: &[Code; Symbol::CODES]) -> Result<(), JpegError> {
        let counts = self.symbols.all_counts().iter();
        let bits = counts
            .zip(codes)
            .map(|(count, code)| u64::from(*count) * u64::from(code.length));
        let bytes = bits.sum::<u64>() / 8;
        let bytes = usize::try_from(bytes + bytes / 32 + 64).unwrap_or(usize::MAX);
        file.try_reserve(bytes)
            .map_err(|_| JpegError::Memory { bytes })
    }
}

/// The code of a symbol with room for the bits that follow.
#[derive(Clone, Copy, Default)]
struct Code {
    bits: u32,
    length: u32,
}
