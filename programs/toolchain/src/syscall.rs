//! What a program may call outside of itself.
//!
//! The last step turns every undefined symbol into a syscall by the hash of its name. A function that is merely missing
//! would so become a syscall nobody provides, found out when the program is deployed or, worse, when the call is
//! reached. So the object's undefined symbols are checked against the runtime's list first.

use anyhow::{Context as _, Result, ensure};
use object::{Object as _, ObjectSymbol as _};

/// The syscalls of the Solana runtime, without `sol_alloc_free_`, which new programs may not use.
const KNOWN: &[&str] = &[
    "abort",
    "sol_alt_bn128_compression",
    "sol_alt_bn128_group_op",
    "sol_big_mod_exp",
    "sol_blake3",
    "sol_create_program_address",
    "sol_curve_decompress",
    "sol_curve_group_op",
    "sol_curve_multiscalar_mul",
    "sol_curve_pairing_map",
    "sol_curve_validate_point",
    "sol_get_clock_sysvar",
    "sol_get_epoch_rewards_sysvar",
    "sol_get_epoch_schedule_sysvar",
    "sol_get_epoch_stake",
    "sol_get_fees_sysvar",
    "sol_get_last_restart_slot",
    "sol_get_processed_sibling_instruction",
    "sol_get_rent_sysvar",
    "sol_get_return_data",
    "sol_get_stack_height",
    "sol_get_sysvar",
    "sol_invoke_signed_c",
    "sol_invoke_signed_rust",
    "sol_keccak256",
    "sol_log_",
    "sol_log_64_",
    "sol_log_compute_units_",
    "sol_log_data",
    "sol_log_pubkey",
    "sol_memcmp_",
    "sol_memcpy_",
    "sol_memmove_",
    "sol_memset_",
    "sol_panic_",
    "sol_poseidon",
    "sol_remaining_compute_units",
    "sol_secp256k1_recover",
    "sol_set_return_data",
    "sol_sha256",
    "sol_try_find_program_address",
];

/// LLVM's trap, which the last step turns into `abort`.
const TRAP: &str = "__bpf_trap";

/// Fails, naming them, when the object needs symbols that no runtime provides.
pub fn refuse_unknown(elf: &[u8]) -> Result<()> {
    let file = object::File::parse(elf).context("reading the BPF object")?;
    let undefined = file.symbols().filter(|symbol| symbol.is_undefined()).filter_map(|symbol| symbol.name().ok());
    let unknown: Vec<&str> = undefined.filter(|name| !is_known(name)).collect();
    ensure!(
        unknown.is_empty(),
        "undefined symbols that are no Solana syscalls: {}; a function is missing from the program",
        unknown.join(", ")
    );
    Ok(())
}

fn is_known(name: &str) -> bool {
    name.is_empty() || name == TRAP || KNOWN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syscalls_are_known_and_other_functions_are_not() {
        assert!(KNOWN.is_sorted());
        assert!(is_known("sol_memcpy_") && is_known("abort"));
        assert!(!is_known("__multi3") && !is_known("memcpy") && !is_known("sol_alloc_free_"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(refuse_unknown(b"not an ELF").is_err());
    }
}
