//! What is told of the work while it is done: metrics for Prometheus, traces for OpenTelemetry.

mod in_flight;
mod instruments;
mod log;
mod metrics;
mod traces;

pub use in_flight::InFlight;
pub use instruments::MetricKind;
pub(crate) use log::OneLine;
pub use metrics::{METRICS, MetricSpec, Metrics};
pub use traces::{Traces, continue_trace};
