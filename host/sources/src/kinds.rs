//! The kinds of sources on other machines: one line each.

use crate::kind::SourceKind;
use crate::{pubsub, rabbitmq};

/// All kinds, in the order in which an address is tried.
pub const KINDS: &[&dyn SourceKind] = &[&pubsub::PubSubKind, &rabbitmq::RabbitKind];
