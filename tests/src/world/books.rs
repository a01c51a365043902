//! What must hold in the database whatever happened: each rule is a query that finds its violations.

use super::{World, eventually};

/// At every moment.
const ALWAYS: [(&str, &str); 9] = [
    (
        "the columns of an account sum to zero",
        "SELECT count(*) FROM ledger.accounts
         WHERE chain + available + held + spent + settled + withdrawing + writeoff <> 0",
    ),
    (
        "the journal sums to the columns",
        "WITH moves AS (SELECT owner_id, credit AS kind, amount FROM ledger.transfers
                        UNION ALL SELECT owner_id, debit, -amount FROM ledger.transfers),
              journal AS (SELECT owner_id, kind::text, sum(amount) AS total FROM moves GROUP BY 1, 2),
              columns AS (SELECT owner_id, c.kind, c.balance FROM ledger.accounts a CROSS JOIN LATERAL
                  (VALUES ('chain', a.chain), ('available', a.available), ('held', a.held), ('spent', a.spent),
                          ('settled', a.settled), ('withdrawing', a.withdrawing), ('writeoff', a.writeoff))
                  AS c (kind, balance))
         SELECT count(*) FROM columns FULL JOIN journal USING (owner_id, kind)
         WHERE COALESCE(balance, 0) <> COALESCE(total, 0)",
    ),
    (
        "what is held is the sum of the open holds",
        "SELECT count(*) FROM ledger.accounts a
         WHERE held <> (SELECT COALESCE(sum(amount), 0) FROM ledger.holds h
                        WHERE h.owner_id = a.owner_id AND h.state = 'open')",
    ),
    (
        "what was spent is the sum of the captures",
        "SELECT count(*) FROM ledger.accounts a
         WHERE spent + settled + writeoff <> (SELECT COALESCE(sum(captured), 0) FROM ledger.holds h
                                              WHERE h.owner_id = a.owner_id)",
    ),
    (
        "a lease's budget is that of its holds",
        "SELECT count(*) FROM access.leases l
         WHERE budget_held <> (SELECT COALESCE(sum(budget), 0) FROM ledger.holds h
                               WHERE h.owner_id = l.owner_id AND h.lease_id = l.lease_id AND h.state = 'open')
            OR budget_spent <> (SELECT COALESCE(sum(captured_budget), 0) FROM ledger.holds h
                                WHERE h.owner_id = l.owner_id AND h.lease_id = l.lease_id)
            OR budget_held + budget_spent > budget",
    ),
    (
        "every hold has one intent, every intent one hold",
        "SELECT count(*) FROM (SELECT * FROM audit.entries WHERE kind = 'intent') e
         FULL JOIN ledger.holds h ON h.owner_id = e.owner_id AND h.request_id = e.request_id
         WHERE e.entry_id IS NULL OR h.hold_id IS NULL",
    ),
    (
        "every ended hold has one outcome, every outcome one ended hold",
        "SELECT count(*) FROM (SELECT * FROM audit.entries WHERE kind = 'outcome') e
         FULL JOIN (SELECT * FROM ledger.holds WHERE state <> 'open') h
              ON h.owner_id = e.owner_id AND h.request_id = e.request_id
         WHERE e.entry_id IS NULL OR h.hold_id IS NULL",
    ),
    (
        "a refused request has no intent",
        "SELECT count(*) FROM audit.entries r JOIN audit.entries i USING (owner_id, request_id)
         WHERE r.kind = 'refusal' AND i.kind = 'intent'",
    ),
    (
        "receipts are gapless, one for each hold that was not voided, and add up",
        "SELECT count(*) FROM access.leases l CROSS JOIN LATERAL
            (SELECT count(*) AS count, COALESCE(max(sequence), 0) AS last, COALESCE(sum(amount), 0) AS total
             FROM ledger.receipts r WHERE r.owner_id = l.owner_id AND r.lease_id = l.lease_id) r CROSS JOIN LATERAL
            (SELECT count(*) AS count, COALESCE(sum(captured), 0) AS total FROM ledger.holds h
             WHERE h.owner_id = l.owner_id AND h.lease_id = l.lease_id AND h.state IN ('captured', 'expired')) h
         WHERE r.count <> r.last OR r.last <> l.receipt_seq OR r.total <> l.receipt_total OR r.count <> h.count
            OR r.total <> h.total",
    ),
];

impl World {
    /// Every rule holds now.
    pub async fn check_books(&self) {
        for (rule, violations) in ALWAYS {
            assert_eq!(self.count(violations).await, 0, "violated: {rule}");
        }
    }

    /// All holds have ended, and every rule holds.
    pub async fn settle_down(&self) {
        eventually("no hold is open any more", || async {
            let open = self.count("SELECT count(*) FROM ledger.holds WHERE state = 'open'").await;
            if open == 0 { Ok(()) } else { Err(format!("{open} open holds")) }
        })
        .await;
        self.check_books().await;
    }
}
