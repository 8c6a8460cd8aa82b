//! Why a call does not go out, or did not come to its end, in words for whoever asked for it.

use super::address::Blocked;
use super::target::Unreadable;
use ally_types::Problem;

/// Why a call does not go out, or broke before there was an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request is not one that a proxy takes.
    Request(Malformed),
    /// The destination cannot be read.
    Unreadable(Unreadable),
    /// The destination stands on nobody's list.
    NotAllowed,
    /// The host stands on the list, but not with this port.
    Port,
    /// The destination is, or leads to, an address that nobody may call.
    Blocked(Blocked),
    /// Too many calls in a minute.
    TooFast(u32),
    /// Too many calls at a time.
    TooMany,
    /// The name leads nowhere.
    NoSuchName,
    /// Nobody listens there.
    Unreachable,
    /// It took too long to connect, to answer, or to go on.
    TooSlow,
    /// The other side answered something that is not HTTP, or broke off.
    Broken,
    /// More was sent than one call may send.
    SentTooMuch,
    /// The answer is larger than one call may bring.
    ReceivedTooMuch,
}

/// What is wrong with a request to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A scheme other than plain `http`.
    Scheme,
    /// CONNECT with a body.
    Body,
    /// A form or method that a proxy does not take.
    Form,
}

impl Refusal {
    /// Whether somebody decided that this call does not go out; otherwise it was tried.
    pub const fn is_decided(self) -> bool {
        match self {
            Self::Request(_)
            | Self::Unreadable(_)
            | Self::NotAllowed
            | Self::Port
            | Self::Blocked(_)
            | Self::TooFast(_)
            | Self::TooMany => true,
            Self::NoSuchName
            | Self::Unreachable
            | Self::TooSlow
            | Self::Broken
            | Self::SentTooMuch
            | Self::ReceivedTooMuch => false,
        }
    }

    /// The stable name of the problem.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request(_) => "bad_proxy_request",
            Self::Unreadable(_) => "bad_destination",
            Self::NotAllowed => "destination_not_allowed",
            Self::Port => "port_not_allowed",
            Self::Blocked(_) => "address_blocked",
            Self::TooFast(_) | Self::TooMany => "too_many_calls",
            Self::NoSuchName => "name_not_found",
            Self::Unreachable => "destination_unreachable",
            Self::TooSlow => "destination_too_slow",
            Self::Broken => "destination_broken",
            Self::SentTooMuch => "too_much_sent",
            Self::ReceivedTooMuch => "answer_too_large",
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = |status, title: &'static str| Self::new(status, refusal.name(), title);
        match refusal {
            Refusal::Request(Malformed::Scheme) => {
                problem(400, "Only plain http addresses can be asked for like this.")
                    .next("For https, open a tunnel with CONNECT host:443.")
            }
            Refusal::Request(Malformed::Body) => problem(400, "A request to open a tunnel has no body.")
                .next("Send CONNECT without a body, then use the tunnel."),
            Refusal::Request(Malformed::Form) => problem(400, "This is not a request for the way out.")
                .next("Send CONNECT host:port, or a request for a whole address such as http://example.org/."),
            Refusal::Unreadable(Unreadable::Port) => {
                problem(400, "The port of this destination cannot be read.").next("Write a port from 1 to 65535.")
            }
            Refusal::Unreadable(Unreadable::Host(fault)) => {
                let (title, next) = fault.in_words();
                problem(400, title).next(next)
            }
            Refusal::NotAllowed => problem(403, "This destination is not on the list of hosts that may be called.")
                .next("Add the host under Settings, Where my data went, then try again."),
            Refusal::Port => problem(403, "This host may be called, but not on this port.")
                .next("Add the host with this port under Settings, Where my data went, then try again."),
            Refusal::Blocked(why) => blocked(403, why),
            Refusal::TooFast(seconds) => problem(429, "Too many calls to the outside within a minute.")
                .next("Wait a little, then try again.")
                .retry_after(seconds.max(1)),
            Refusal::TooMany => problem(429, "Too many calls to the outside at the same time.")
                .next("Wait until one of them has ended.")
                .retry_after(1),
            Refusal::NoSuchName => {
                problem(502, "This name leads to no address.").next("Check how the host is written, then try again.")
            }
            Refusal::Unreachable => problem(502, "Nobody answers at this destination.")
                .next("Check the host and the port, or try again later."),
            Refusal::TooSlow => {
                problem(504, "The destination took too long.").next("Try again later; what was sent may have arrived.")
            }
            Refusal::Broken => problem(502, "The destination broke off, or answered something that is not HTTP.")
                .next("Check that it speaks HTTP on this port; what was sent may have arrived."),
            Refusal::SentTooMuch => {
                problem(413, "This is more than one call may send.").next("Send it in several parts.")
            }
            Refusal::ReceivedTooMuch => problem(502, "The answer is larger than one call may bring.")
                .next("Ask for less at once, or for a part of it."),
        }
    }
}

/// An address that nobody may call, with the reason.
pub fn blocked(status: u16, why: Blocked) -> Problem {
    let title = match why {
        Blocked::Private => "This leads into the network around Ally, not to the internet.",
        Blocked::Metadata => "This is where a cloud tells its machines their secrets.",
        Blocked::Special => "This address is reserved and leads nowhere.",
    };
    let next = match why {
        Blocked::Private => {
            "Use a public host. For a server in the house, ask the administrator to name it in ALLY_EGRESS_PRIVATE."
        }
        Blocked::Metadata | Blocked::Special => "Use the name or address of a host on the internet.",
    };
    Problem::new(status, "address_blocked", title).next(next)
}
