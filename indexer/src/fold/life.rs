//! Which events open or close an account, and which number comes next.

use permitpipe_sdk::chain::{
    ConfigChange, EpochChange, Event, PlanChange, RelayChange, StakeChange, SubscriptionChange, TemplateChange,
};

/// An account's last folded event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    pub event_seq: i64,
    /// Whether the account still existed after it.
    pub is_open: bool,
}

/// Where an event stands among those of its account.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// Directly after the last folded one.
    Next,
    /// Something before it is missing.
    Later,
    /// Its number is taken, or passed over.
    Taken,
}

/// An open account's numbers have no gaps. One that does not exist can be opened at any number above all former ones.
pub fn place(last: Option<Last>, event_seq: i64, event: &Event) -> Place {
    let Last { event_seq: last, is_open } = last.unwrap_or(Last { event_seq: 0, is_open: false });
    if event_seq <= last {
        return Place::Taken;
    }
    let is_next = if is_open { event_seq == last.saturating_add(1) } else { opens(event) };
    if is_next { Place::Next } else { Place::Later }
}

/// Whether the event is the first one of an account.
pub(super) fn opens(event: &Event) -> bool {
    match event {
        // The one event of its account.
        Event::VaultOpened(_) | Event::SettlementClosed(_) => true,
        Event::ConfigChanged(event) => event.kind == ConfigChange::Initialized,
        Event::StakeChanged(event) => event.kind == StakeChange::Opened,
        Event::RelayChanged(event) => matches!(event.kind, RelayChange::Registered { .. }),
        Event::EpochChanged(event) => matches!(event.kind, EpochChange::Published { .. }),
        Event::TemplateChanged(event) => matches!(event.kind, TemplateChange::Published { .. }),
        Event::PlanChanged(event) => matches!(event.kind, PlanChange::Created { .. }),
        Event::SubscriptionChanged(event) => matches!(event.kind, SubscriptionChange::Bought { .. }),
        Event::LogAnchored(event) => event.event_seq == 1,
        Event::CapChanged(_)
        | Event::Deposited(_)
        | Event::WithdrawalRequested(_)
        | Event::WithdrawalCancelled(_)
        | Event::Withdrawn(_)
        | Event::Settled(_)
        | Event::VaultClosed(_) => false,
    }
}

/// Whether the account is gone after the event.
pub(super) fn closes(event: &Event) -> bool {
    match event {
        Event::VaultClosed(_) | Event::SettlementClosed(_) => true,
        Event::StakeChanged(event) => event.kind == StakeChange::Closed,
        Event::RelayChanged(event) => event.kind == RelayChange::Closed,
        Event::EpochChanged(event) => matches!(event.kind, EpochChange::Closed { .. }),
        Event::TemplateChanged(event) => matches!(event.kind, TemplateChange::Closed { .. }),
        Event::PlanChanged(event) => event.kind == PlanChange::Closed,
        Event::SubscriptionChanged(event) => event.kind == SubscriptionChange::Closed,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use permitpipe_sdk::chain::{VaultClosed, VaultOpened};
    use solana_sdk::pubkey::Pubkey;

    use super::*;

    #[test]
    fn a_closed_account_goes_on_at_any_higher_number_and_an_open_one_only_at_the_next() {
        let (vault, owner) = (Pubkey::new_unique(), Pubkey::new_unique());
        let opened = Event::VaultOpened(VaultOpened { vault, owner, event_seq: 0, cap_atoms: 1, cap_lamports: 1 });
        let closed = Event::VaultClosed(VaultClosed { vault, owner, event_seq: 0 });
        let last = |event_seq, is_open| Some(Last { event_seq, is_open });
        let table = [
            (None, 655_361, &opened, Place::Next),
            (None, 0, &opened, Place::Taken),
            (None, 655_361, &closed, Place::Later),
            (last(7, true), 8, &closed, Place::Next),
            (last(7, true), 9, &closed, Place::Later),
            (last(7, true), 9, &opened, Place::Later),
            (last(7, true), 7, &closed, Place::Taken),
            (last(7, false), 8, &closed, Place::Later),
            (last(7, false), 900, &opened, Place::Next),
            (last(7, false), 7, &opened, Place::Taken),
        ];
        for (last, event_seq, event, expected) in table {
            assert_eq!(place(last, event_seq, event), expected, "{last:?} {event_seq} {event:?}");
        }
    }
}
