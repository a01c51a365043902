//! One error for every verb: what is wrong, what to do, how the process ends.

use std::{fmt::Display, process::ExitCode};

use permitpipe_sdk::error::{ClientError, Problem};
use serde_json::{Value, json};

/// The exit code of a mistake on the command line; clap uses the same.
const USAGE: u8 = 2;

/// Why a verb did not do what it was asked.
#[derive(Debug)]
pub struct Error {
    problem: String,
    advice: Option<String>,
    refusal: Option<Box<Problem>>,
    exit: u8,
}

impl Error {
    /// Says what is wrong. The process will end with 1.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), advice: None, refusal: None, exit: 1 }
    }

    /// The command line itself is at fault. The process will end with 2.
    pub fn usage(problem: impl Into<String>) -> Self {
        Self { exit: USAGE, ..Self::new(problem) }
    }

    /// Adds what to do about it.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// What is wrong.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// Prints it on stderr, for people or, with `as_json`, for programs.
    pub fn print(&self, as_json: bool) {
        if as_json {
            eprintln!("{}", self.to_json());
            return;
        }
        eprintln!("error: {}", self.problem);
        if let Some(advice) = &self.advice {
            eprintln!("       {advice}");
        }
        if let Some(refusal) = &self.refusal {
            let audit = refusal.audit_ref.as_ref().map(|id| format!(", audit {id}")).unwrap_or_default();
            eprintln!("       ({}, request {}{audit})", refusal.code, refusal.request_id);
        }
    }

    /// How the process ends.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit)
    }

    fn to_json(&self) -> Value {
        match &self.refusal {
            Some(refusal) => json!(refusal),
            None => json!({ "title": self.problem, "detail": self.advice, "code": "cli" }),
        }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        let problem = error.to_string();
        match error {
            ClientError::Refused(refusal) => Self { refusal: Some(refusal), ..Self::new(problem) },
            ClientError::Unreachable { .. } | ClientError::Foreign { .. } => Self::new(problem),
        }
    }
}

/// Puts what we were about to do in front of somebody else's error.
pub trait Explain<T> {
    /// `what` reads like "cannot read /etc/passwd".
    fn explain(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Display> Explain<T> for Result<T, E> {
    fn explain(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|cause| Error::new(format!("{}: {cause}", what())))
    }
}
