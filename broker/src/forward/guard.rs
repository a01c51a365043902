//! Which addresses may be dialled: public ones, and for origins the operator named, private ones.
//!
//! The check is made on the resolved address of every new connection, so a name that changes its answer between two
//! connections gains nothing. Metadata services are refused whatever the operator allows.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

/// What kind of host an address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere on the internet.
    Public,
    /// This machine, this network, or an address that carries no unicast traffic.
    Private,
    /// A cloud's metadata or credential service, or the link-local range they live in.
    Metadata,
}

/// Why nothing was dialled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// The URI has no plain `scheme://host[:port]` in front.
    #[error("the upstream address is not an origin")]
    NoOrigin,
    /// The request was about to go somewhere else than the secret is bound to.
    #[error("the request leads to {actual}, but its secret is bound to {expected}")]
    OtherOrigin { expected: String, actual: String },
    /// Without TLS only for origins on the operator's list.
    #[error("{origin} is not https, and not on the operator's list of private origins")]
    PlainHttp { origin: String },
    /// An address the range table refuses.
    #[error("{host} leads to {address}, which is not a public address")]
    Refused { host: String, address: IpAddr },
    /// An entry of the operator's list.
    #[error("not an origin: {entry:?}; write scheme, host and port, such as http://127.0.0.1:8899")]
    BadEntry { entry: String },
}

/// Origins that may be private and may speak plain HTTP, named one by one by the operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrivateOrigins(HashSet<String>);

impl PrivateOrigins {
    /// Reads entries such as `http://127.0.0.1:8899`; anything more or less than an origin is refused.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, GuardError> {
        let origins = entries.iter().map(|entry| {
            let entry = entry.as_ref();
            let bad = || GuardError::BadEntry { entry: entry.into() };
            let uri: Uri = entry.parse().map_err(|_| bad())?;
            let has_path = uri.query().is_some() || uri.path() != "/" || entry.ends_with('/');
            if has_path { Err(bad()) } else { origin_of(&uri).map_err(|_| bad()) }
        });
        origins.collect::<Result<_, _>>().map(Self)
    }

    /// Whether the operator named this origin, as [`origin_of`] spells it.
    pub fn contains(&self, origin: &str) -> bool {
        self.0.contains(origin)
    }
}

/// `scheme://host:port`, in lower case and always with the port, so that one origin has one spelling.
pub fn origin_of(uri: &Uri) -> Result<String, GuardError> {
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(GuardError::NoOrigin);
    };
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return Err(GuardError::NoOrigin),
    };
    let host = authority.host().to_ascii_lowercase();
    let port = authority.port_u16().unwrap_or(default_port);
    // An empty or overlong port reads as "none"; `user@` would make the real host easy to overlook.
    let rest = authority.as_str().get(authority.host().len()..).unwrap_or("?");
    if host.is_empty() || !(rest.is_empty() || rest == format!(":{port}")) {
        return Err(GuardError::NoOrigin);
    }
    Ok(format!("{scheme}://{host}:{port}"))
}

/// Checks one address of `host`; an allow-listed origin may be private, nothing may be a metadata service.
pub fn check(host: &str, address: IpAddr, may_be_private: bool) -> Result<(), GuardError> {
    match reach(address) {
        Reach::Public => Ok(()),
        Reach::Private if may_be_private => Ok(()),
        _ => Err(GuardError::Refused { host: host.into(), address }),
    }
}

/// Classifies an address by the IANA special-purpose registries.
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => reach_v4(v4),
        IpAddr::V6(v6) => reach_v6(v6),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let bits = u32::from(address);
    let within = |&(network, length): &([u8; 4], u32)| (bits ^ u32::from_be_bytes(network)) >> (32 - length) == 0;
    if METADATA_V4.iter().any(within) {
        Reach::Metadata
    } else if PRIVATE_V4.iter().any(within) {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let bits = u128::from(address);
    let within = |&(network, length): &(Ipv6Addr, u32)| (bits ^ u128::from(network)) >> (128 - length) == 0;
    let is_within = |table: &[(Ipv6Addr, u32)]| table.iter().any(within);
    if METADATA_V6.iter().any(within) {
        Reach::Metadata
    } else if is_within(&EMBEDS_V4) {
        // Dialling these dials the IPv4 address in the last 32 bits.
        let [.., a, b, c, d] = address.octets();
        reach_v4(Ipv4Addr::new(a, b, c, d))
    } else if is_within(&UNICAST_V6) && !is_within(&PRIVATE_V6) {
        Reach::Public
    } else {
        Reach::Private
    }
}

const METADATA_V4: [([u8; 4], u32); 4] = [
    ([169, 254, 0, 0], 16), // link-local: 169.254.169.254, 169.254.170.2, …; no upstream lives here
    ([100, 100, 100, 200], 32), // Alibaba Cloud
    ([168, 63, 129, 16], 32), // Azure; in a public range
    ([192, 0, 0, 192], 32), // Oracle Cloud
];

const PRIVATE_V4: [([u8; 4], u32); 14] = [
    ([0, 0, 0, 0], 8),       // this network; Linux dials 0.0.0.0 as loopback
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // carrier-grade NAT
    ([127, 0, 0, 0], 8),     // loopback
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // IETF protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // 6to4 relay
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarking
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, and broadcast
];

const METADATA_V6: [(Ipv6Addr, u32); 2] = [
    (Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0), 32), // Amazon: fd00:ec2::254, ::23
    (Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0), 32), // Google: fd20:ce::254
];

const EMBEDS_V4: [(Ipv6Addr, u32); 2] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),    // v4-mapped
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96), // NAT64
];

/// The only part of IPv6 that is handed out for hosts on the internet.
const UNICAST_V6: [(Ipv6Addr, u32); 1] = [(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)];

const PRIVATE_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // IETF assignments, Teredo among them
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// A resolver that hands on an answer only if every address in it may be dialled.
///
/// One bad address refuses the whole answer: a name that mixes public and private ones is a trap, not a mistake.
#[derive(Debug, Clone)]
pub struct GuardedResolver<R> {
    pub inner: R,
    pub may_be_private: bool,
}

type Resolving = Pin<Box<dyn Future<Output = Result<std::vec::IntoIter<SocketAddr>, axum::BoxError>> + Send>>;

impl<R> Service<Name> for GuardedResolver<R>
where
    R: Service<Name> + Send,
    R::Response: Iterator<Item = SocketAddr>,
    R::Error: Into<axum::BoxError>,
    R::Future: Send + 'static,
{
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = axum::BoxError;
    type Future = Resolving;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Resolving {
        let host = name.to_string();
        let may_be_private = self.may_be_private;
        let answer = self.inner.call(name);
        Box::pin(async move {
            let addresses: Vec<_> = answer.await.map_err(Into::into)?.collect();
            for address in &addresses {
                check(&host, address.ip(), may_be_private)?;
            }
            Ok(addresses.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tower::{ServiceExt, service_fn};

    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        use Reach::{Metadata, Private, Public};
        let table = [
            (Public, "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0"),
            (Public, "172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255"),
            (Public, "169.253.255.255 169.255.0.0 192.0.1.0 192.0.3.0 168.63.129.15"),
            (Private, "0.0.0.0 0.1.2.3 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255"),
            (Private, "127.0.0.1 127.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255"),
            (Private, "192.0.0.1 192.0.2.1 198.51.100.7 203.0.113.9 192.88.99.1 198.18.0.0 198.19.255.255"),
            (Private, "224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255"),
            (
                Metadata,
                "169.254.169.254 169.254.170.2 169.254.0.0 169.254.255.255 100.100.100.200 168.63.129.16 192.0.0.192",
            ),
            (Public, "2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001::1 2003:: 3fff:1000::1 2001:200::1"),
            (Private, ":: ::1 ::2 fe80::1 febf::1 fec0::1 fc00::1 fdff::1 ff02::1 ff0e::1 100::1 2001:db8::1 3fff::1"),
            // v4-compatible, 6to4, Teredo, ORCHID, local-use NAT64, segment routing, unassigned: never, whatever they embed.
            (
                Private,
                "::8.8.8.8 ::127.0.0.1 2002:808:808::1 2002:7f00:1::1 2001::1 2001:0:808:808::1 2001:10::1 2001:20::1",
            ),
            (Private, "64:ff9b:1::808:808 5f00::1 4000::1 8000::1 ::ffff:0:8.8.8.8"),
            (Public, "::ffff:8.8.8.8 64:ff9b::8.8.8.8"),
            (
                Private,
                "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0.0.0.0 64:ff9b::127.0.0.1 64:ff9b::10.1.2.3 64:ff9b::c0a8:1",
            ),
            (Metadata, "::ffff:169.254.169.254 64:ff9b::169.254.169.254 fd00:ec2::254 fd00:ec2::23 fd20:ce::254"),
        ];
        for (expected, addresses) in table {
            for text in addresses.split(' ') {
                let address: IpAddr = text.parse().unwrap();
                assert_eq!(reach(address), expected, "{text}");
                assert_eq!(check("h", address, false).is_ok(), expected == Public, "{text}");
                assert_eq!(check("h", address, true).is_ok(), expected != Metadata, "{text} on the operator's list");
            }
        }
    }

    #[test]
    fn an_origin_has_one_spelling() {
        for (text, origin) in [
            ("https://API.OpenAI.com/v1?x=1", "https://api.openai.com:443"),
            ("https://api.openai.com:443", "https://api.openai.com:443"),
            ("HTTP://127.0.0.1:8899/", "http://127.0.0.1:8899"),
            ("http://[::1]:80/", "http://[::1]:80"),
        ] {
            assert_eq!(origin_of(&text.parse().unwrap()).unwrap(), origin, "{text}");
        }
        for text in
            ["/v1", "ftp://a.b/", "https://u@a.b/", "https://u:p@a.b:443/", "https://a.b:/", "https://a.b:99999/"]
        {
            let Ok(uri) = text.parse::<Uri>() else { continue };
            assert_eq!(origin_of(&uri), Err(GuardError::NoOrigin), "{text}");
        }
    }

    #[test]
    fn the_operators_list_takes_origins_only() {
        let list = PrivateOrigins::parse(&["http://127.0.0.1:8899", "https://Vault.internal"]).unwrap();
        assert!(list.contains("http://127.0.0.1:8899") && list.contains("https://vault.internal:443"));
        assert!(!list.contains("http://127.0.0.1:8898") && !list.contains("https://127.0.0.1:8899"));
        for bad in ["127.0.0.1", "127.0.0.1:80", "http://10.0.0.1/", "http://a/x", "http://a?b", "*", "", "10.0.0.0/8"]
        {
            assert!(PrivateOrigins::parse(&[bad]).is_err(), "{bad}");
        }
    }

    /// A resolver that gives the given answers one after the other.
    fn flipping(
        answers: &'static [&'static [&'static str]],
        may_be_private: bool,
    ) -> GuardedResolver<
        impl Service<Name, Response = std::vec::IntoIter<SocketAddr>, Error = axum::BoxError, Future: Send> + Clone + Send,
    > {
        let asked = Arc::new(AtomicUsize::new(0));
        let inner = service_fn(move |_: Name| {
            let turn = asked.fetch_add(1, Ordering::SeqCst);
            async move {
                let addresses: Vec<SocketAddr> =
                    answers[turn].iter().map(|a| SocketAddr::new(a.parse().unwrap(), 0)).collect();
                Ok(addresses.into_iter())
            }
        });
        GuardedResolver { inner, may_be_private }
    }

    #[tokio::test]
    async fn a_name_that_changes_its_answer_is_refused_at_the_next_connection() {
        let resolver =
            flipping(&[&["8.8.8.8"], &["127.0.0.1"], &["8.8.8.8", "10.0.0.1"], &["::ffff:169.254.169.254"]], false);
        let ask = || resolver.clone().oneshot("rebind.example".parse().unwrap());
        assert_eq!(ask().await.unwrap().count(), 1);
        for address in ["127.0.0.1", "10.0.0.1", "::ffff:169.254.169.254"] {
            let error = ask().await.unwrap_err();
            let expected = GuardError::Refused { host: "rebind.example".into(), address: address.parse().unwrap() };
            assert_eq!(error.downcast_ref(), Some(&expected));
        }
    }

    #[tokio::test]
    async fn an_allowed_origin_may_be_private_but_never_a_metadata_service() {
        let resolver = flipping(&[&["127.0.0.1", "::1"], &["169.254.169.254"]], true);
        let ask = || resolver.clone().oneshot("local.example".parse().unwrap());
        assert_eq!(ask().await.unwrap().count(), 2);
        assert!(ask().await.is_err());
    }
}
