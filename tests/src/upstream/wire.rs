//! HTTP/1.1 by hand: reads requests byte for byte, writes simple responses.

use std::io;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    /// Path and query, as in the request line.
    pub target: String,
    /// Names in lower case, in order of arrival.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether exactly the real key was in exactly one place.
    pub has_real_key: bool,
}

impl Received {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The values of a header, joined with a comma.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers.iter().filter(|(other, _)| other == name).map(|(_, v)| v.as_str()).collect();
        if values.is_empty() { None } else { Some(values.join(", ")) }
    }

    /// What the request authenticates with.
    pub fn credential(&self) -> Option<String> {
        let in_query = || {
            let pairs = self.target.split_once('?')?.1.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == "api-key").map(|(_, value)| value.to_owned()).next()
        };
        self.header("authorization").or_else(|| self.header("x-api-key")).or_else(in_query)
    }
}

/// What the upstream tells about the requests it got: hashes of credentials, never the credentials.
pub(super) fn log(requests: &[Received]) -> Value {
    let entry = |request: &Received| {
        let credential = request.credential().map(|value| value.strip_prefix("Bearer ").unwrap_or(&value).to_owned());
        json!({
            "method": request.method,
            "path": request.path(),
            "credential_sha256": credential.map(|credential| format!("{:x}", Sha256::digest(credential))),
            "has_real_key": request.has_real_key,
        })
    };
    Value::Array(requests.iter().map(entry).collect())
}

/// A complete JSON response.
pub(super) fn json(status: u16, headers: &[(&str, &str)], body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status} .\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The next request of a connection; `None` when it is closed between two.
pub(super) async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    key: &str,
) -> io::Result<Option<Received>> {
    let Some(head) = read_until(stream, buffer, b"\r\n\r\n").await? else { return Ok(None) };
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.split("\r\n");
    let mut request_line = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (request_line.next().unwrap_or_default(), request_line.next().unwrap_or_default());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let mut request = Received { method, target, headers, body: Vec::new(), has_real_key: false };
    request.body = read_body(stream, buffer, &request).await?;
    request.has_real_key = has_real_key(&request, key);
    Ok(Some(request))
}

async fn read_body(stream: &mut TcpStream, buffer: &mut Vec<u8>, request: &Received) -> io::Result<Vec<u8>> {
    if request.header("transfer-encoding").is_none() {
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        return take(stream, buffer, length).await;
    }
    let mut body = Vec::new();
    loop {
        let line = read_until(stream, buffer, b"\r\n").await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = String::from_utf8_lossy(&line);
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
        body.extend(take(stream, buffer, size).await?);
        read_until(stream, buffer, b"\r\n").await?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// The bytes before `end`, which is swallowed.
async fn read_until(stream: &mut TcpStream, buffer: &mut Vec<u8>, end: &[u8]) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(at) = buffer.windows(end.len()).position(|window| window == end) {
            let rest = buffer.split_off(at + end.len());
            let mut taken = std::mem::replace(buffer, rest);
            taken.truncate(at);
            return Ok(Some(taken));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

async fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let rest = buffer.split_off(length);
    Ok(std::mem::replace(buffer, rest))
}

/// The real key, alone in one of the slots providers use; twice is as wrong as never.
fn has_real_key(request: &Received, key: &str) -> bool {
    let headers = request.headers.iter().filter(|(name, _)| name == "authorization" || name == "x-api-key");
    let from_headers = headers.map(|(_, value)| value.strip_prefix("Bearer ").unwrap_or(value).to_owned());
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let from_query = query.split('&').filter_map(|pair| pair.strip_prefix("api-key=")).map(str::to_owned);
    let given: Vec<_> = from_headers.chain(from_query).collect();
    given == [key]
}
