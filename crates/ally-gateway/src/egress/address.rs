//! Which addresses a call may go to. Everything that is not plainly the public internet is refused, with the reason.
//!
//! The ranges are those of IANA's registries of special-purpose addresses (RFC 6890 and its updates). For version 6 it
//! is the other way round: only the part that is given out as global unicast passes, minus its special ranges.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// This machine, or its own network, however it is written. An administrator may name single places there.
    Private,
    /// Where a cloud tells a machine its secrets.
    Metadata,
    /// Of no use to anybody: unspecified, multicast, broadcast, documentation, measurements, reserved.
    Special,
}

/// Where clouds answer their machines. Some of these stand in ranges that are public or that may be named.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Ranges of version 4 that are nobody's public address.
const FOUR: &[(Ipv4Addr, u32, Blocked)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, Blocked::Special),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Blocked::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Blocked::Private),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Blocked::Private),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Blocked::Private),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Blocked::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Blocked::Special),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Blocked::Special),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Blocked::Special),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Blocked::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Blocked::Special),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Blocked::Special),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Blocked::Special),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Blocked::Special),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Blocked::Special),
];

/// Ranges of version 6 that are ours or our network's.
const SIX_PRIVATE: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::LOCALHOST, 128),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
];

/// Special ranges within global unicast: protocol assignments (Teredo, benchmarks, ORCHID), documentation.
const SIX_SPECIAL: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Global unicast, as far as it is given out.
const GLOBAL: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Why this address may not be called; `None` for an address of the public internet.
pub fn check(address: IpAddr) -> Option<Blocked> {
    if METADATA.contains(&address) {
        return Some(Blocked::Metadata);
    }
    match address {
        IpAddr::V4(address) => {
            FOUR.iter().find(|(range, length, _)| four_in(address, *range, *length)).map(|(_, _, why)| *why)
        }
        IpAddr::V6(address) => check_six(address),
    }
}

fn check_six(address: Ipv6Addr) -> Option<Blocked> {
    let is_in = |(range, length): &(Ipv6Addr, u32)| six_in(address, *range, *length);
    if SIX_PRIVATE.iter().any(is_in) {
        return Some(Blocked::Private);
    }
    if let Some(inner) = embedded(address) {
        return check(inner.into());
    }
    if SIX_SPECIAL.iter().any(is_in) || !is_in(&GLOBAL) { Some(Blocked::Special) } else { None }
}

/// The address of version 4 to which a network would carry this one: mapped, compatible, NAT64, 6to4. Teredo and the
/// local NAT64 prefix are refused whole.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    const MAPPED: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0);
    const TRANSLATED: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0);
    const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    const SIX_TO_FOUR: Ipv6Addr = Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0);
    let is_at_the_end = [MAPPED, TRANSLATED, NAT64].iter().any(|prefix| six_in(address, *prefix, 96));
    let bits = address.to_bits();
    if is_at_the_end {
        Some(Ipv4Addr::from_bits(low(bits)))
    } else if six_in(address, SIX_TO_FOUR, 16) {
        Some(Ipv4Addr::from_bits(low(bits >> 80)))
    } else {
        None
    }
}

/// The lowest 32 bits.
fn low(bits: u128) -> u32 {
    u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default()
}

fn four_in(address: Ipv4Addr, range: Ipv4Addr, length: u32) -> bool {
    (address.to_bits() ^ range.to_bits()).leading_zeros() >= length
}

fn six_in(address: Ipv6Addr, range: Ipv6Addr, length: u32) -> bool {
    (address.to_bits() ^ range.to_bits()).leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_internet_and_nothing_else_may_be_called() {
        let table = [
            ("93.184.216.34", None),
            ("1.1.1.1", None),
            ("8.8.8.8", None),
            ("223.255.255.255", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("192.0.1.0", None),
            ("198.20.0.0", None),
            ("2606:4700:4700::1111", None),
            ("2a00:1450:4001:80f::200e", None),
            ("2001:200::1", None),
            ("64:ff9b::5db8:d822", None),
            ("2002:5db8:d822::1", None),
            ("::ffff:93.184.216.34", None),
            ("10.0.0.1", Some(Blocked::Private)),
            ("10.255.255.255", Some(Blocked::Private)),
            ("172.16.0.1", Some(Blocked::Private)),
            ("172.31.255.255", Some(Blocked::Private)),
            ("192.168.1.1", Some(Blocked::Private)),
            ("127.0.0.1", Some(Blocked::Private)),
            ("127.255.255.254", Some(Blocked::Private)),
            ("169.254.1.1", Some(Blocked::Private)),
            ("100.64.0.1", Some(Blocked::Private)),
            ("100.127.255.255", Some(Blocked::Private)),
            ("169.254.169.254", Some(Blocked::Metadata)),
            ("169.254.170.2", Some(Blocked::Metadata)),
            ("100.100.100.200", Some(Blocked::Metadata)),
            ("168.63.129.16", Some(Blocked::Metadata)),
            ("192.0.0.192", Some(Blocked::Metadata)),
            ("fd00:ec2::254", Some(Blocked::Metadata)),
            ("fd20:ce::254", Some(Blocked::Metadata)),
            ("0.0.0.0", Some(Blocked::Special)),
            ("0.1.2.3", Some(Blocked::Special)),
            ("192.0.0.1", Some(Blocked::Special)),
            ("192.0.2.1", Some(Blocked::Special)),
            ("198.51.100.1", Some(Blocked::Special)),
            ("203.0.113.1", Some(Blocked::Special)),
            ("192.88.99.1", Some(Blocked::Special)),
            ("198.18.0.1", Some(Blocked::Special)),
            ("198.19.255.255", Some(Blocked::Special)),
            ("224.0.0.1", Some(Blocked::Special)),
            ("239.255.255.255", Some(Blocked::Special)),
            ("240.0.0.1", Some(Blocked::Special)),
            ("255.255.255.255", Some(Blocked::Special)),
            ("::", Some(Blocked::Special)),
            ("::1", Some(Blocked::Private)),
            ("fc00::1", Some(Blocked::Private)),
            ("fdff::1", Some(Blocked::Private)),
            ("fe80::1", Some(Blocked::Private)),
            ("febf::1", Some(Blocked::Private)),
            ("fec0::1", Some(Blocked::Private)),
            ("ff02::1", Some(Blocked::Special)),
            ("::ffff:127.0.0.1", Some(Blocked::Private)),
            ("::ffff:10.0.0.1", Some(Blocked::Private)),
            ("::ffff:169.254.169.254", Some(Blocked::Metadata)),
            ("::ffff:0:10.0.0.1", Some(Blocked::Private)),
            ("::127.0.0.1", Some(Blocked::Special)),
            ("::10.0.0.1", Some(Blocked::Special)),
            ("::93.184.216.34", Some(Blocked::Special)),
            ("64:ff9b::7f00:1", Some(Blocked::Private)),
            ("64:ff9b::a9fe:a9fe", Some(Blocked::Metadata)),
            ("64:ff9b:1::1", Some(Blocked::Special)),
            ("2002:7f00:1::", Some(Blocked::Private)),
            ("2002:a00:1::", Some(Blocked::Private)),
            ("2002:a9fe:a9fe::1", Some(Blocked::Metadata)),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some(Blocked::Special)),
            ("2001:2::1", Some(Blocked::Special)),
            ("2001:10::1", Some(Blocked::Special)),
            ("2001:db8::1", Some(Blocked::Special)),
            ("3fff::1", Some(Blocked::Special)),
            ("100::1", Some(Blocked::Special)),
            ("5f00::1", Some(Blocked::Special)),
            ("4000::1", Some(Blocked::Special)),
        ];
        for (text, expected) in table {
            assert_eq!(check(text.parse().expect("an address")), expected, "{text}");
        }
    }
}
