//! Who we are measured beside, each in a process of its own with one worker, all in front of one mock upstream.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use bytes::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::process::Server;

/// A mock that answers at once, in a process of its own.
pub fn start_mock(key: &str) -> Result<(Server, SocketAddr)> {
    start_self(&["mock", key])
}

/// A proxy that does nothing but forward with the key.
pub fn start_axum(upstream: SocketAddr, key: &str) -> Result<(Server, SocketAddr)> {
    start_self(&["axum-proxy", &upstream.to_string(), key])
}

fn start_self(arguments: &[&str]) -> Result<(Server, SocketAddr)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    let (server, address) = Server::start_and_listen(command)?;
    Ok((server, address.parse()?))
}

/// nginx with one worker, connections to the upstream kept alive and no log.
pub async fn start_nginx(folder: &Path, upstream: SocketAddr, key: &str) -> Result<(Server, SocketAddr)> {
    let address = free_address()?;
    let folder = folder.join("nginx");
    fs::create_dir_all(&folder)?;
    let configuration = folder.join("nginx.conf");
    fs::write(&configuration, nginx_conf(&folder, address, upstream, key))?;
    let binary = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let mut command = Command::new(binary.context("nginx is not installed: apt-get install nginx-light")?);
    command.arg("-p").arg(&folder).arg("-c").arg(&configuration).args(["-e", "stderr"]).stderr(Stdio::null());
    let server = Server::start(command)?;
    for _ in 0..500 {
        if TcpStream::connect(address).await.is_ok() {
            return Ok((server, address));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("nginx does not listen on {address}: {}", configuration.display())
}

fn nginx_conf(folder: &Path, address: SocketAddr, upstream: SocketAddr, key: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000; tcp_nodelay on; client_body_buffer_size 64k; proxy_buffers 8 16k;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream mock {{ server {upstream}; keepalive 1024; keepalive_requests 100000000; }}
    server {{
        listen {address} backlog=4096;
        location / {{
            proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection \"\";
            proxy_set_header Authorization \"Bearer {key}\";
        }}
    }}
}}
"
    )
}

/// A port that was free a moment ago: nginx cannot tell which one it took.
fn free_address() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Serves the mock: 1 KB of chat completion with usage for the real key, 401 without.
pub async fn mock(key: &str) -> Result<()> {
    let expected = HeaderValue::from_str(&format!("Bearer {key}"))?;
    let answer = Bytes::from(completion());
    let handler = move |request: Request| {
        let (expected, answer) = (expected.clone(), answer.clone());
        async move {
            let has_key = request.headers().get(header::AUTHORIZATION) == Some(&expected);
            match (has_key, to_bytes(request.into_body(), 1 << 20).await) {
                (true, Ok(_)) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
                _ => StatusCode::UNAUTHORIZED.into_response(),
            }
        }
    };
    announce_and_serve(Router::new().fallback(handler)).await
}

fn completion() -> String {
    let answer = |content: &str| {
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4o-mini",
            "choices": [{
                "index": 0, "message": { "role": "assistant", "content": content }, "finish_reason": "stop",
            }],
            "usage": { "prompt_tokens": 200, "completion_tokens": 60, "total_tokens": 260 },
        })
        .to_string()
    };
    let missing = 1024 - answer("").len();
    answer(&"word ".repeat(missing)[..missing])
}

/// Where the axum proxy leads, and its client.
#[derive(Clone)]
struct Way {
    client: Client<HttpConnector, Body>,
    upstream: SocketAddr,
    authorization: HeaderValue,
}

/// Serves the bare proxy.
pub async fn axum_proxy(upstream: &str, key: &str) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let way = Way {
        client: Client::builder(TokioExecutor::new()).build(connector),
        upstream: upstream.parse()?,
        authorization: HeaderValue::from_str(&format!("Bearer {key}"))?,
    };
    announce_and_serve(Router::new().fallback(pass).with_state(way)).await
}

async fn pass(State(way): State<Way>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = format!("http://{}{path}", way.upstream).parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    request.headers_mut().remove(header::HOST);
    request.headers_mut().insert(header::AUTHORIZATION, way.authorization.clone());
    match way.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Says where it listens, serves, and ends when whoever started it has ended.
async fn announce_and_serve(router: Router) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}
