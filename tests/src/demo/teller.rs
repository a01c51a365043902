//! Says what happens and what it proves, as it happens.

use std::{
    cell::Cell,
    io::{self, IsTerminal},
    time::Instant,
};

/// Prints acts, what was done in them, and what that proves.
pub struct Teller {
    began: Instant,
    acts: Cell<u32>,
    proofs: Cell<u32>,
    is_coloured: bool,
}

impl Default for Teller {
    fn default() -> Self {
        let is_coloured = io::stdout().is_terminal();
        Self { began: Instant::now(), acts: Cell::new(0), proofs: Cell::new(0), is_coloured }
    }
}

impl Teller {
    /// A new act.
    pub fn act(&self, title: &str) {
        self.acts.set(self.acts.get() + 1);
        let seconds = self.began.elapsed().as_secs();
        println!(
            "\n{} {}",
            self.styled("1", &format!("{:>2}  {title}", self.acts.get())),
            self.styled("2", &format!("({seconds} s)"))
        );
    }

    /// What was done.
    pub fn did(&self, what: &str) {
        println!("      {what}");
    }

    /// What that proves; said only after it was checked.
    pub fn proves(&self, what: &str) {
        self.proofs.set(self.proofs.get() + 1);
        println!("    {} {what}", self.styled("32", "✓"));
    }

    /// Something beside the story.
    pub fn note(&self, what: &str) {
        println!("\n{what}");
    }

    /// The end, reached only when everything held.
    pub fn close(&self) {
        let seconds = self.began.elapsed().as_secs();
        let words = format!("All {} proofs of {} acts held, in {seconds} s.", self.proofs.get(), self.acts.get());
        println!("\n{}", self.styled("1", &words));
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
