//! The on-chain program, as built for the chain, in a real SVM under mainnet's features.
//!
//! | module | shows |
//! |---|---|
//! | `lifecycle` | each instruction's success, step by step, with the events it emits |
//! | `refusal` | each error number of ours, and that a refusal changes nothing |
//! | `attack` | accounts and transactions built to deceive |
//! | `boundary` | clocks, extremes and malformed data |
//! | `units` | compute units of each instruction, against the committed snapshot |
//! | `walk` | a random walk over all instructions, against a naive model |
//! | `arithmetic` | the fallback compiler's integers against the host's |
//! | `artifact` | where the built programs are found |
//! | `world` | the chain all of these start from |

mod arithmetic;
mod artifact;
mod attack;
mod boundary;
mod lifecycle;
mod refusal;
mod units;
mod walk;
mod world;
