//! What can be wrong with what a tool says: a closed list, counted by kind.

/// One kind of bad input. None of them is fatal, and none voids the hints around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// A line that is JSON but no object: `null`, a number, a list.
    NotAnObject,
    /// A line that is no JSON, or a frame whose fields do not add up.
    Malformed,
    /// A line that is not UTF-8.
    NotUtf8,
    /// A verb that this version does not know.
    UnknownVerb,
    /// An unknown verb that says of itself that it may be passed over.
    UnknownAdvice,
    /// A field that is missing, empty, relative or of the wrong type.
    BadField,
    /// A line or frame longer than the limit.
    TooLong,
    /// A line or frame whose end never came: its writer died, or was still writing.
    HalfWritten,
    /// More distinct hints, or more bytes of them, than one step may leave.
    Flood,
    /// A client that sent requests and read no answers: its connection was closed.
    NeverReads,
    /// The hint file was truncated or replaced while the step ran.
    Rewritten,
    /// The system refused what the runner needs to listen: a connection may have been turned away.
    Unheard,
}

impl Fault {
    /// All kinds, in the order they are reported.
    pub const ALL: [Self; 12] = [
        Self::NotAnObject,
        Self::Malformed,
        Self::NotUtf8,
        Self::UnknownVerb,
        Self::UnknownAdvice,
        Self::BadField,
        Self::TooLong,
        Self::HalfWritten,
        Self::Flood,
        Self::NeverReads,
        Self::Rewritten,
        Self::Unheard,
    ];

    /// The kind's name across the Python border and in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAnObject => "not-an-object",
            Self::Malformed => "malformed",
            Self::NotUtf8 => "not-utf8",
            Self::UnknownVerb => "unknown-verb",
            Self::UnknownAdvice => "unknown-advice",
            Self::BadField => "bad-field",
            Self::TooLong => "too-long",
            Self::HalfWritten => "half-written",
            Self::Flood => "flood",
            Self::NeverReads => "never-reads",
            Self::Rewritten => "rewritten",
            Self::Unheard => "unheard",
        }
    }

    /// Whether a hint that restricts caching may have been lost with it: such a run is not cached.
    ///
    /// `null` carries no verb that could be lost, and an advisory verb says that it may be.
    pub fn loses(self) -> bool {
        !matches!(self, Self::NotAnObject | Self::UnknownAdvice)
    }
}

/// How often each [`Fault`] came up in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally([u64; Fault::ALL.len()]);

impl Tally {
    /// Counts one.
    pub fn add(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often `fault` came up.
    pub fn count(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// The kinds that came up, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Fault, u64)> + '_ {
        Fault::ALL.into_iter().map(|f| (f, self.count(f))).filter(|&(_, n)| n > 0)
    }

    /// Whether a hint may have been lost.
    pub fn lost(&self) -> bool {
        self.iter().any(|(fault, _)| fault.loses())
    }
}
