//! Who is dialled at all: everything here must end with nothing sent.

use http::Method;
use permitpipe_broker::{
    forward::{End, PrivateOrigins, UpstreamClient, UpstreamError},
    service::Injection,
};
use permitpipe_tests::upstream::Mode;

use crate::rig::Rig;

async fn is_refused_with(rig: &Rig, x: permitpipe_broker::forward::Exchange, said: &str) {
    let (seen, outcome) = rig.run(x).await;
    let Err(UpstreamError::NotDialled { cause }) = seen else { panic!("{seen:?}") };
    assert!(cause.contains(said), "{cause:?} does not say {said:?}");
    assert_eq!((outcome.end, outcome.status), (End::NotDialled, None));
    assert_eq!((outcome.usage.request_bytes, outcome.usage.response_bytes), (0, 0));
    assert_eq!(rig.upstream.connections(), 0);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_the_operator_named_the_origin() {
    let mut rig = Rig::new(Mode::Honest).await;
    let port = rig.upstream.address().port();
    rig.client = UpstreamClient::new(PrivateOrigins::default());
    is_refused_with(&rig, rig.get(), "is not https").await;
    let literal =
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"].map(|host| (host, "not a public address"));
    // TLS has no names like these; without TLS they would have to be on the operator's list.
    let odd = ["127.1", "2130706433", "0x7f.1"].map(|host| (host, "invalid dns name"));
    for (host, said) in literal.into_iter().chain(odd) {
        let mut x = rig.get();
        x.origin = format!("https://{host}:{port}");
        x.uri = format!("https://{host}:{port}/").parse().unwrap();
        is_refused_with(&rig, x, said).await;
    }
}

#[tokio::test]
async fn naming_an_origin_does_not_name_its_neighbours() {
    let rig = Rig::new(Mode::Honest).await;
    let other = Rig::new(Mode::Honest).await;
    let mut x = rig.get();
    (x.origin, x.uri) = (other.upstream.url(), other.upstream.url().parse().unwrap());
    is_refused_with(&rig, x, "is not https").await;
    assert_eq!(other.upstream.connections(), 0);
}

#[tokio::test]
async fn metadata_services_are_refused_even_when_named() {
    let mut rig = Rig::new(Mode::Honest).await;
    for origin in [
        "http://169.254.169.254",
        "http://[fd00:ec2::254]",
        "http://[::ffff:169.254.169.254]",
        "http://[64:ff9b::a9fe:a9fe]",
    ] {
        rig.client = UpstreamClient::new(PrivateOrigins::parse(&[origin]).unwrap());
        let mut x = rig.get();
        (x.origin, x.uri) = (origin.into(), format!("{origin}/latest/meta-data/").parse().unwrap());
        is_refused_with(&rig, x, "not a public address").await;
    }
}

#[tokio::test]
async fn a_secret_goes_to_its_own_origin_only() {
    let rig = Rig::new(Mode::Honest).await;
    let port = rig.upstream.address().port();
    for bound_to in [
        "https://api.openai.com".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
    ] {
        let mut x = rig.get();
        x.origin = bound_to;
        is_refused_with(&rig, x, "bound to").await;
    }
    let mut x = rig.get();
    x.uri = format!("http://api.openai.com@127.0.0.1:{port}/").parse().unwrap();
    is_refused_with(&rig, x, "not an origin").await;
}

#[tokio::test]
async fn an_impossible_slot_for_the_key_is_refused() {
    let rig = Rig::new(Mode::Honest).await;
    let mut x = rig.request(Method::GET, "/");
    x.injection = Injection::Header { name: http::header::AUTHORIZATION, prefix: "a\r\nb: ".into() };
    is_refused_with(&rig, x, "template").await;
}

#[tokio::test]
async fn an_upstream_that_is_down_was_not_called() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let mut rig = Rig::new(Mode::Honest).await;
    rig.client = UpstreamClient::new(PrivateOrigins::parse(&[&origin]).unwrap());
    let mut x = rig.get();
    (x.uri, x.origin) = (origin.parse().unwrap(), origin);
    is_refused_with(&rig, x, "refused").await;
}

#[tokio::test]
async fn a_call_killed_before_it_began_was_not_made() {
    let rig = Rig::new(Mode::Honest).await;
    let x = rig.get();
    x.kill.cancel();
    let (seen, outcome) = rig.run(x).await;
    assert_eq!(seen.unwrap_err(), UpstreamError::Killed { is_dialled: false });
    assert_eq!((outcome.end, rig.upstream.connections()), (End::NotDialled, 0));
}
