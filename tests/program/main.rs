//! The on-chain program, as built for the chain, in a real SVM under mainnet's features.
//!
//! | module | shows |
//! |---|---|
//! | `lifecycle` | each instruction's success, step by step, with the events it emits |
//! | `refusal` | each error number of ours, and that a refusal changes nothing |
//! | `stake`, `relay`, `slash`, `epoch`, `template`, `plan`, `anchor` | the lives of what is beside the vaults |
//! | `threat` | each row of THREATS.md (d2): accounts and input built to deceive |
//! | `oracle` | the price of SOL, to the lamport |
//! | `fuzz` | spoilt data and accounts: every failure is clean, no money appears or vanishes |
//! | `catalog` | every instruction once, each ready to succeed |
//! | `units` | compute units of each instruction and sizes of accounts, against the committed snapshot |
//! | `batch` | how many settlements fit one transaction |
//! | `deploy` | the real loader: deployment, upgrade, and what they cost |
//! | `walk` | a random walk over all instructions, against a naive model |
//! | `arithmetic` | the fallback compiler's integers against the host's |
//! | `artifact` | where the built programs are found |
//! | `world` | the chain all of these start from |
//! | `ground` | stakes, relays, rewards, templates, plans and anchors in it |

mod anchor;
mod arithmetic;
mod artifact;
mod batch;
mod catalog;
mod deploy;
mod epoch;
mod fuzz;
mod ground;
mod lifecycle;
mod oracle;
mod plan;
mod refusal;
mod relay;
mod slash;
mod stake;
mod template;
mod threat;
mod units;
mod walk;
mod world;
