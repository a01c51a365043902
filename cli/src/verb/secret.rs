//! `permitpipe secret add|list`. A key comes from standard input, a variable or a file; never from the command line,
//! which every process of the machine can read.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal, Read},
    path::PathBuf,
};

use permitpipe_sdk::wire::{AddSecret, CustomScope, CustomService, Secret};

use super::Context;
use crate::{
    config,
    error::{Error, Explain},
    output,
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Verb {
    /// Store a master key; it is sealed and can never be read back
    Add(Add),
    /// Show what is stored, without the keys
    List,
}

/// A master key and where it belongs.
#[derive(clap::Args)]
pub struct Add {
    /// openai, helius, or the name of a service of your own (with --inject and --endpoint)
    service: String,
    /// scheme://host[:port] it may be sent to, if not the service's usual one
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    #[command(flatten)]
    key: KeySource,
    /// For a service of your own: where the key goes, as header:NAME[:PREFIX] or query:NAME
    #[arg(long, requires = "origin", requires = "endpoints")]
    inject: Option<String>,
    /// For a service of your own: a scope as NAME=METHOD[,METHOD…]:PATH:CREDITS, such as read=GET:/v1/*:100; may be
    /// repeated. CREDITS (millionths of a USD) is what one call counts, 0 included: what has no price is refused
    #[arg(long = "endpoint", value_name = "SCOPE", requires = "inject")]
    endpoints: Vec<String>,
    /// You pay the provider and charge its price to the owner
    #[arg(long)]
    resold: bool,
}

/// Where the key is read from.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct KeySource {
    /// Read the key from standard input
    #[arg(long)]
    key_stdin: bool,
    /// Read the key from an environment variable
    #[arg(long, value_name = "VARIABLE")]
    key_env: Option<String>,
    /// Read the key from a file
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Does it.
pub async fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    let client = context.client()?;
    match verb {
        Verb::Add(add) => {
            let secret = client.add_secret(&wire(add)?).await?;
            if context.json {
                output::json(&secret);
            } else {
                let Secret { secret_id, service, origin, version, .. } = &secret;
                output::line(format!("{secret_id} opens {service} at {origin} (version {version})"));
            }
        }
        Verb::List => list(&client.list_secrets().await?, context.json),
    }
    Ok(())
}

fn wire(add: Add) -> Result<AddSecret, Error> {
    let custom = match add.inject {
        Some(inject) => Some(CustomService { inject, scopes: scopes(&add.endpoints)? }),
        None => None,
    };
    let key = read_key(&add.key)?;
    Ok(AddSecret { service: add.service, key, origin: add.origin, custom, is_resold: add.resold })
}

fn read_key(source: &KeySource) -> Result<String, Error> {
    let text = match (&source.key_env, &source.key_file) {
        (Some(name), _) => config::find_variable(name)
            .ok_or_else(|| Error::usage(format!("the variable {name} is not set, or not UTF-8")))?,
        (None, Some(path)) => fs::read_to_string(path).explain(|| format!("cannot read {}", path.display()))?,
        (None, None) => read_standard_input()?,
    };
    // A file or a pipe ends with a line break that is not part of the key.
    let key = text.trim_end_matches(['\r', '\n']);
    if key.is_empty() {
        return Err(Error::usage("the key is empty"));
    }
    Ok(key.to_owned())
}

fn read_standard_input() -> Result<String, Error> {
    if io::stdin().is_terminal() {
        eprintln!("Paste the key (it will be visible), then Enter and Ctrl-D:");
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).explain(|| "cannot read the key from standard input".into())?;
    Ok(text)
}

/// `read=GET,HEAD:/v1/*:100`; the same name twice adds to the scope.
fn scopes(endpoints: &[String]) -> Result<BTreeMap<String, CustomScope>, Error> {
    let mut scopes: BTreeMap<String, CustomScope> = BTreeMap::new();
    for endpoint in endpoints {
        let malformed = || Error::usage(format!("--endpoint `{endpoint}` is not NAME=METHOD[,METHOD…]:PATH:CREDITS"));
        let (name, rest) = endpoint.split_once('=').ok_or_else(malformed)?;
        let (methods, rest) = rest.split_once(':').ok_or_else(malformed)?;
        let (path, price) = rest.rsplit_once(':').ok_or_else(malformed)?;
        let price_per_call: i64 = price.parse().map_err(|_| malformed())?;
        let methods: Vec<String> = methods.split(',').map(str::to_owned).collect();
        let scope = scopes.entry(name.to_owned()).or_insert_with(|| CustomScope {
            endpoints: Vec::new(),
            methods: methods.clone(),
            price_per_call,
        });
        if scope.methods != methods || scope.price_per_call != price_per_call {
            let message = format!("--endpoint `{endpoint}`: scope `{name}` has other methods or another price already");
            return Err(Error::usage(message));
        }
        scope.endpoints.push(path.to_owned());
    }
    Ok(scopes)
}

fn list(secrets: &[Secret], as_json: bool) {
    if as_json {
        return output::json(&secrets);
    }
    let row = |secret: &Secret| {
        let pays = if secret.is_resold { "resold" } else { "own key" };
        [
            secret.service.clone(),
            secret.origin.clone(),
            secret.version.to_string(),
            pays.into(),
            secret.secret_id.to_string(),
        ]
    };
    let rows = secrets.iter().map(row).collect();
    output::table(
        ["service", "origin", "version", "pays", "secret"],
        rows,
        "no secrets yet: permitpipe secret add --help",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_or_refused() {
        let read =
            scopes(&["read=GET:/v1/*:100".into(), "write=POST,PUT:/v1/x:0".into(), "read=GET:/v2:100".into()]).unwrap();
        assert_eq!(read["read"].endpoints, ["/v1/*", "/v2"]);
        assert_eq!((read["write"].methods.len(), read["read"].price_per_call), (2, 100));
        assert_eq!(read["write"].price_per_call, 0);
        for bad in ["read", "read=GET", "read=GET:/v1", "read=GET:/v1:free"] {
            assert!(scopes(&[bad.into()]).is_err(), "{bad}");
        }
        assert!(scopes(&["read=GET:/a:1".into(), "read=GET:/b:2".into()]).is_err(), "two prices for one scope");
    }
}
