//! Instructions of plans: the admin's, and those of whoever buys one.

pub(crate) mod close;
pub(crate) mod close_subscription;
pub(crate) mod create;
pub(crate) mod extend;
pub(crate) mod retire;
pub(crate) mod subscribe;

pub use close::*;
pub use close_subscription::*;
pub use create::*;
pub use extend::*;
pub use retire::*;
pub use subscribe::*;
