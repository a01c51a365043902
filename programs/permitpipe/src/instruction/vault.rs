//! Instructions of a vault's owner.

pub mod cancel_withdrawal;
pub mod deposit_usdc;
pub mod execute_withdrawal;
pub mod open;
pub mod request_withdrawal;
pub mod set_cap;

pub use cancel_withdrawal::*;
pub use deposit_usdc::*;
pub use execute_withdrawal::*;
pub use open::*;
pub use request_withdrawal::*;
pub use set_cap::*;
