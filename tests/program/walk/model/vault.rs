//! Vaults and their settlements.

use super::{MOST, Model, Number, Verdict, balance, rule};
use crate::world::Asset;

#[derive(Clone)]
pub struct Vault {
    pub event_seq: u64,
    pub settle_sequence: u64,
    pub usdc: Book,
    pub sol: Book,
    /// What others sent to its token account and to itself.
    pub donated_usdc: Number,
    pub donated_lamports: Number,
}

/// One asset.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Book {
    pub credited: Number,
    pub settled: Number,
    pub withdrawn: Number,
    pub cap: Number,
    /// A cut that waits, and from when on it counts.
    pub cut: Option<(Number, i64)>,
    pub window_start: i64,
    pub window_settled: Number,
    /// A withdrawal that waits, and from when on it is paid.
    pub withdrawal: Option<(Number, i64)>,
}

impl Vault {
    pub fn book(&self, asset: Asset) -> &Book {
        match asset {
            Asset::Usdc => &self.usdc,
            Asset::Sol => &self.sol,
        }
    }

    fn book_mut(&mut self, asset: Asset) -> &mut Book {
        match asset {
            Asset::Usdc => &mut self.usdc,
            Asset::Sol => &mut self.sol,
        }
    }
}

impl Model {
    pub fn open_vault(&mut self, who: usize, caps: (Number, Number)) -> Verdict {
        self.running()?;
        rule(self.people[who].vault.is_none(), "open already")?;
        rule(caps.0 <= MOST && caps.1 <= MOST, "a cap beyond books")?;
        let (now, base) = (self.now, self.base());
        let book = |cap| Book { cap, window_start: now, ..Book::default() };
        self.person(who).vault = Some(Vault {
            event_seq: base + 1,
            settle_sequence: base,
            usdc: book(caps.0),
            sol: book(caps.1),
            donated_usdc: 0,
            donated_lamports: 0,
        });
        Ok(())
    }

    pub fn set_cap(&mut self, who: usize, asset: Asset, cap: Number) -> Verdict {
        let (now, delay) = (self.now, self.config.timing.withdrawal_delay_seconds);
        let book = self.changed(who)?.book_mut(asset);
        rule(cap <= MOST, "a cap beyond books")?;
        due_cut(book, now);
        if cap >= book.cap {
            (book.cap, book.cut) = (cap, None);
        } else {
            book.cut = Some((cap, now + delay));
        }
        Ok(())
    }

    pub fn deposit(&mut self, who: usize, asset: Asset, amount: Number) -> Verdict {
        self.running()?;
        let smallest = match asset {
            Asset::Usdc => self.config.limits.min_deposit_atoms,
            Asset::Sol => self.config.limits.min_deposit_lamports,
        };
        rule(amount >= Number::from(smallest), "too small")?;
        if asset == Asset::Usdc {
            rule(amount <= self.people[who].usdc, "not in the wallet")?;
            self.person(who).usdc -= amount;
        } else {
            rule(amount < 1_000_000_000_000, "not in the wallet")?;
        }
        let book = self.changed(who)?.book_mut(asset);
        book.credited += amount;
        rule(book.credited <= MOST, "beyond books")
    }

    pub fn request_withdrawal(&mut self, who: usize, asset: Asset, amount: Number) -> Verdict {
        let (now, delay) = (self.now, self.config.timing.withdrawal_delay_seconds);
        let vault = self.changed(who)?;
        let most = balance(vault, asset);
        let book = vault.book_mut(asset);
        rule(book.withdrawal.is_none(), "one waits already")?;
        rule(amount > 0 && amount <= most, "nothing, or more than is there")?;
        book.withdrawal = Some((amount, now + delay));
        Ok(())
    }

    pub fn cancel_withdrawal(&mut self, who: usize, asset: Asset) -> Verdict {
        let book = self.changed(who)?.book_mut(asset);
        rule(book.withdrawal.take().is_some(), "none waits")
    }

    pub fn execute_withdrawal(&mut self, who: usize, asset: Asset) -> Verdict {
        let now = self.now;
        let vault = self.changed(who)?;
        let most = balance(vault, asset);
        let book = vault.book_mut(asset);
        let (amount, at) = book.withdrawal.take().ok_or("none waits")?;
        rule(now >= at, "too early")?;
        let paid = amount.min(most);
        book.withdrawn += paid;
        if asset == Asset::Usdc {
            self.person(who).usdc += paid;
        }
        Ok(())
    }

    pub fn close_vault(&mut self, who: usize) -> Verdict {
        let slot_base = self.base();
        let vault = self.changed(who)?;
        for asset in [Asset::Usdc, Asset::Sol] {
            let is_empty = balance(vault, asset) == 0 && vault.book(asset).withdrawal.is_none();
            rule(is_empty, "not empty")?;
        }
        rule(slot_base >= vault.event_seq, "closed in the slot it was opened in")?;
        let donated = vault.donated_usdc;
        let person = self.person(who);
        person.usdc += donated;
        person.vault = None;
        Ok(())
    }

    /// `charge` for SOL, where `amount` is what is held.
    pub fn settle(&mut self, by: u8, who: usize, sequence: u64, asset: Asset, terms: (Number, Number)) -> Verdict {
        let (amount, charge) = terms;
        let (now, window) = (self.now, self.config.timing.window_seconds);
        rule(by == self.config.settler, "not the settle authority")?;
        let amount = match asset {
            Asset::Usdc => amount,
            Asset::Sol => {
                rule(charge > 0 && amount > 0, "nothing")?;
                self.lamports_for(charge)?.map_or(amount, |allowed| allowed.min(amount))
            }
        };
        rule(amount > 0, "nothing")?;
        rule(amount <= self.settle_cap(asset), "above the settle cap")?;
        let vault = self.changed(who)?;
        rule(sequence == vault.settle_sequence + 1, "out of turn")?;
        rule(amount <= balance(vault, asset), "more than is there")?;
        vault.settle_sequence = sequence;
        let book = vault.book_mut(asset);
        due_cut(book, now);
        if now >= book.window_start + window {
            (book.window_start, book.window_settled) = (now, 0);
        }
        book.window_settled += amount;
        rule(book.window_settled <= book.cap, "above the owner's cap")?;
        book.settled += amount;
        match asset {
            Asset::Usdc => self.treasury += amount,
            Asset::Sol => self.sol_treasury += amount,
        }
        self.settlements.insert((who, sequence), now);
        Ok(())
    }

    pub fn close_settlement(&mut self, who: usize, sequence: u64) -> Verdict {
        let at = self.settlements.remove(&(who, sequence)).ok_or("no such record")?;
        rule(self.now >= at + self.config.timing.retention_seconds, "still retained")
    }

    /// The vault, with one more event.
    fn changed(&mut self, who: usize) -> Result<&mut Vault, &'static str> {
        let vault = self.person(who).vault.as_mut().ok_or("no vault")?;
        vault.event_seq += 1;
        Ok(vault)
    }
}

fn due_cut(book: &mut Book, now: i64) {
    if let Some((cap, _)) = book.cut.filter(|(_, at)| now >= *at) {
        (book.cap, book.cut) = (cap, None);
    }
}
