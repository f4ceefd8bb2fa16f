//! What the runner answers: an acknowledgement, a value, or a refusal of that one message.

use crate::fault::Fault;
use crate::field;
use crate::names::MAX_REPLY_FIELDS;

/// The answer to one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The runner has it and will count it.
    Done,
    /// `get_env`: no field if the variable is not set, else its value. `get_envs_*`: name, value,
    /// name, value …, sorted by name. `hello`: version, then one field with the verb numbers.
    Value(Vec<Vec<u8>>),
    /// This message is not understood or not taken; all others stand.
    Refused(Refusal),
}

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A word for programs: the name of a [`Fault`], or `bad-glob`.
    pub code: Vec<u8>,
    /// A sentence for people.
    pub text: Vec<u8>,
}

const DONE: u8 = 0;
const VALUE: u8 = 1;
const REFUSED: u8 = 2;

impl Reply {
    /// Refuses a message for `fault`.
    pub fn refused(fault: Fault) -> Self {
        let text = format!("the runner could not use this hint: {}", fault.name());
        Self::Refused(Refusal { code: fault.name().into(), text: text.into() })
    }

    /// The body of a frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Done => field::encode(DONE, []),
            Self::Value(fields) => field::encode(VALUE, fields.iter().map(Vec::as_slice)),
            Self::Refused(why) => field::encode(REFUSED, [&why.code[..], &why.text[..]]),
        }
    }

    /// Reads the body of a frame; `None` if it is none.
    pub fn decode(body: &[u8]) -> Option<Self> {
        let (tag, fields) = field::decode(body, MAX_REPLY_FIELDS)?;
        let owned = |at: usize| fields.get(at).map(|f| f.to_vec()).unwrap_or_default();
        match tag {
            DONE => Some(Self::Done),
            VALUE => Some(Self::Value(fields.iter().map(|f| f.to_vec()).collect())),
            REFUSED => Some(Self::Refused(Refusal { code: owned(0), text: owned(1) })),
            _ => None,
        }
    }
}
