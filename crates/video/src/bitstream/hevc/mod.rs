//! HEVC (ITU-T H.265): parameter sets, slice segment header starts, picture order.

mod nal;
mod poc;
mod pps;
mod reference_sets;
#[cfg(feature = "hevc")]
mod references;
mod slice;
mod sps;

pub use nal::{
    is_random_access, is_slice, is_sub_layer_non_reference, layer_id, nal_type, nal_unit_type,
    temporal_id,
};
pub use poc::PocCounter;
pub use pps::Pps;
#[cfg(feature = "hevc")]
pub use references::PictureReferences;
pub use slice::SliceHeader;
pub use sps::Sps;
