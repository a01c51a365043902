//! A refusal beside the vaults touches no account at all: of the program, of the token program, or anybody's wallet.

use super::{Refusal, anchor, epoch, plan, relay, stake, template};
use crate::world::code;

#[test]
fn a_refusal_changes_no_account_of_anybody() {
    let tables: [&[Refusal]; 6] =
        [stake::REFUSALS, relay::REFUSALS, epoch::REFUSALS, template::REFUSALS, plan::REFUSALS, anchor::REFUSALS];
    let mut wrong = Vec::new();
    for Refusal { error, what, given, when } in tables.into_iter().flatten() {
        let mut world = given();
        let before = world.everything();
        match when(&mut world) {
            Ok(_) => wrong.push(format!("{what}: accepted")),
            Err(failure) if before != world.everything() => {
                wrong.push(format!("{what}: changed something: {failure:?}"))
            }
            refused => {
                let code = code(refused);
                if code != u32::from(*error) {
                    wrong.push(format!("{what}: refused with {code}, not {error:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
