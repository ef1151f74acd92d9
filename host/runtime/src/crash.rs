//! Why a component gave no answer, in words.

use super::bodies::Broken;
use super::limits::{Meter, TimeLimitHit};
use std::fmt;
use std::time::Duration;
use wasmtime::{Trap, WasmBacktrace};

const MOST_FUNCTIONS: usize = 4;

/// A component that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Its name.
    pub component: String,
    /// Where it was, innermost first, as far as the component names its functions.
    pub functions: Vec<String>,
    /// Why.
    pub reason: CrashReason,
    /// Its last words on stderr.
    pub said: Option<String>,
}

/// Why a component gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrashReason {
    /// It needed more memory than this many bytes.
    Memory(u64),
    /// It ran longer.
    Time(Duration),
    /// It took longer, waiting included.
    Wall(Duration),
    /// Its request or its answer has more than this many bytes.
    Body(Side, u64),
    /// It did what wasm forbids; panics end so too.
    Trap(String),
    /// It ended, but its answer is missing or broken.
    NoAnswer(String),
}

/// A body of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Of the request that it is sent.
    Request,
    /// Of its answer.
    ComponentResponse,
}

impl CrashReason {
    /// Stable name for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory_limit",
            Self::Time(_) => "time_limit",
            Self::Wall(_) => "wall_limit",
            Self::Body(..) => "body_limit",
            Self::Trap(_) => "trap",
            Self::NoAnswer(_) => "no_answer",
        }
    }
}

impl Crash {
    pub(super) fn new(
        component: &str,
        error: &wasmtime::Error,
        memory_denied: Option<u64>,
        meter: &Meter,
        said: &str,
    ) -> Self {
        let trap = error.downcast_ref::<Trap>();
        let reason = if let Some(hit) = error.downcast_ref::<TimeLimitHit>() {
            match hit {
                TimeLimitHit::Running => CrashReason::Time(meter.limit()),
                TimeLimitHit::Wall(limit) => CrashReason::Wall(*limit),
            }
        } else if let Some(limit) = memory_denied {
            CrashReason::Memory(limit)
        } else if let Some(trap) = trap {
            CrashReason::Trap(trap.to_string())
        } else {
            CrashReason::Trap(error.root_cause().to_string())
        };
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        Self {
            component: component.to_owned(),
            functions: backtrace.map(functions).unwrap_or_default(),
            reason,
            said: Some(said.to_owned()).filter(|said| !said.is_empty()),
        }
    }

    /// For reasons that are no fault at one place of it.
    pub(super) fn plain(component: &str, reason: CrashReason) -> Self {
        Self {
            component: component.to_owned(),
            functions: Vec::new(),
            reason,
            said: None,
        }
    }

    /// Of an answer that is not there whole.
    pub(super) fn broken_answer(component: &str, broken: &Broken) -> Self {
        let reason = match broken {
            Broken::TooLarge(most) => CrashReason::Body(Side::ComponentResponse, *most),
            Broken::Off(reason) => CrashReason::NoAnswer(format!("its answer broke off: {reason}")),
        };
        Self::plain(component, reason)
    }
}

/// Names of the innermost functions, without the machinery of panics and allocation.
fn functions(backtrace: &WasmBacktrace) -> Vec<String> {
    let names = backtrace
        .frames()
        .iter()
        .filter_map(|frame| frame.func_name())
        .map(|name| format!("{:#}", rustc_demangle::demangle(name)));
    let names: Vec<String> = names.collect();
    let own = names.iter().filter(|name| !is_machinery(name));
    let own: Vec<String> = own.take(MOST_FUNCTIONS).cloned().collect();
    if own.is_empty() {
        return names.into_iter().take(MOST_FUNCTIONS).collect();
    }
    own
}

fn is_machinery(name: &str) -> bool {
    let name = name.trim_start_matches('<');
    let prefixes = [
        "core::",
        "std::",
        "alloc::",
        "__rust",
        "rust_",
        "abort",
        "dlmalloc",
        "wit_bindgen",
        "spin_executor",
        "cabi_",
        "_R",
        "exports::",
        "memory.",
    ];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "component `{}`: ", self.component)?;
        match &self.reason {
            CrashReason::Memory(limit) => {
                write!(
                    f,
                    "memory limit ({} MiB) hit: raise memory_limit",
                    limit >> 20
                )?;
            }
            CrashReason::Time(limit) => {
                write!(f, "time limit ({}) hit", humantime::format_duration(*limit))?
            }
            CrashReason::Wall(limit) => {
                let limit = humantime::format_duration(*limit);
                write!(
                    f,
                    "limit of a request's whole time ({limit}, waiting included) hit: give each less work, see segment_budget"
                )?;
            }
            CrashReason::Body(side, limit) => {
                let side = match side {
                    Side::Request => "request",
                    Side::ComponentResponse => "answer",
                };
                write!(
                    f,
                    "{side} is over the body limit ({} MiB): give each less work, see segment_budget",
                    limit >> 20
                )?;
            }
            CrashReason::Trap(what) => {
                write!(f, "{}", what.trim_start_matches("wasm trap: "))?;
            }
            CrashReason::NoAnswer(reason) => write!(f, "{reason}")?,
        }
        if let Some((innermost, outer)) = self.functions.split_first() {
            write!(f, " in `{innermost}`")?;
            if !outer.is_empty() {
                write!(f, " (called from {})", outer.join(", "))?;
            }
        }
        if let Some(said) = &self.said {
            write!(f, "; it said: {said}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Crash {}
