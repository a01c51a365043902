//! The one place that dials: a pooled HTTP/1.1 client behind the address guard.
//!
//! It follows no redirect and repeats no request. Each connection carries a [`Cutter`], so that a killed exchange writes
//! nothing more, not even what was already buffered.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection, HttpConnector, dns::GaiResolver},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::net::TcpStream;
use tower::Service;

use super::{
    body::Upload,
    guard::{self, GuardError, GuardedResolver, PrivateOrigins},
};

/// Idle connections are given up before most servers would close them under a request.
const POOL_IDLE: Duration = Duration::from_secs(20);
const POOL_IDLE_PER_ORIGIN: usize = 256;
/// The largest response head, and the most that is buffered of one stream in either direction.
const BUFFER_BYTES: usize = 64 * 1024;
const MAX_RESPONSE_HEADERS: usize = 128;

/// Dials upstreams. Cloning is cheap and shares the pool.
#[derive(Clone)]
pub struct UpstreamClient {
    pub(super) inner: Client<HttpsConnector<GuardedConnector>, Upload>,
}

impl UpstreamClient {
    /// A client that reaches public addresses, and the private origins the operator named.
    pub fn new(private_origins: PrivateOrigins) -> Self {
        let provider = rustls::crypto::ring::default_provider();
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(provider)
            // Only a provider without TLS 1.2 and 1.3 ends here, and ring has both.
            .unwrap_or_else(|_| HttpsConnectorBuilder::new().with_webpki_roots());
        let connector = tls.https_or_http().enable_http1().wrap_connector(GuardedConnector::new(private_origins));
        let inner = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_PER_ORIGIN)
            .http1_max_buf_size(BUFFER_BYTES)
            .http1_max_headers(MAX_RESPONSE_HEADERS)
            .retry_canceled_requests(false)
            .build(connector);
        Self { inner }
    }
}

/// Opens TCP connections to addresses the guard lets through, and to no other.
#[derive(Clone)]
pub(super) struct GuardedConnector {
    private_origins: Arc<PrivateOrigins>,
    public: HttpConnector<GuardedResolver<GaiResolver>>,
    private: HttpConnector<GuardedResolver<GaiResolver>>,
}

impl GuardedConnector {
    fn new(private_origins: PrivateOrigins) -> Self {
        let connector = |may_be_private| {
            let mut http =
                HttpConnector::new_with_resolver(GuardedResolver { inner: GaiResolver::new(), may_be_private });
            http.enforce_http(false);
            http.set_nodelay(true);
            http.set_keepalive(Some(Duration::from_secs(30)));
            http
        };
        Self { private_origins: Arc::new(private_origins), public: connector(false), private: connector(true) }
    }

    /// Whether `uri` may be private; checks what no resolver sees: the scheme, and an address written out as host.
    fn admit(&self, uri: &Uri) -> Result<bool, GuardError> {
        let origin = guard::origin_of(uri)?;
        let may_be_private = self.private_origins.contains(&origin);
        if uri.scheme_str() != Some("https") && !may_be_private {
            return Err(GuardError::PlainHttp { origin });
        }
        let host = uri.host().unwrap_or_default();
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            guard::check(host, address, may_be_private)?;
        }
        Ok(may_be_private)
    }
}

impl Service<Uri> for GuardedConnector {
    type Response = UpstreamStream;
    type Error = axum::BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<UpstreamStream, axum::BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let public = self.public.poll_ready(context)?;
        let private = self.private.poll_ready(context)?;
        if public.is_ready() && private.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = match self.admit(&uri) {
            Ok(true) => self.private.call(uri),
            Ok(false) => self.public.call(uri),
            Err(refused) => return Box::pin(std::future::ready(Err(refused.into()))),
        };
        Box::pin(async move { Ok(UpstreamStream { io: connecting.await?, cutter: Cutter::default() }) })
    }
}

/// Ends a connection's writing at once, from outside of the task that drives it.
#[derive(Debug, Clone, Default)]
pub(super) struct Cutter(Arc<AtomicBool>);

impl Cutter {
    /// After this no byte is written to the connection, except by a write the kernel already has.
    pub(super) fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

/// A connection to an upstream that its [`Cutter`] can silence.
pub(super) struct UpstreamStream {
    io: TokioIo<TcpStream>,
    cutter: Cutter,
}

impl Connection for UpstreamStream {
    fn connected(&self) -> Connected {
        self.io.connected().extra(self.cutter.clone())
    }
}

impl Read for UpstreamStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for UpstreamStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.cutter.check()?;
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.cutter.check()?;
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }
}
