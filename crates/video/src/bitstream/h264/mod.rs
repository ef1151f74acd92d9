//! H.264 (ITU-T H.264): parameter sets, slice header starts, picture order.

mod nal;
mod poc;
mod pps;
mod sei;
mod slice;
mod sps;

pub use nal::{nal_ref_idc, nal_type, nal_unit_type};
pub use poc::PocCounter;
pub use pps::Pps;
pub use sei::is_recovery_point;
pub use slice::{SliceHeader, SliceType};
pub use sps::{Sps, profile_name};
