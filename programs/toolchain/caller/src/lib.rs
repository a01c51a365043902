//! A program that passes calls on, so that tests see what other programs can do to ours. Never deployed anywhere.
//!
//! Accounts: the program to call, then the accounts of the call, with the rights they have here and no more. Instruction
//! data: how often to call (1 byte), for each account of the call whether it shall claim to sign (1 byte each, 2 for
//! "as it does here"), the data of the call. Errors: 1 the input does not fit; else what the call returned.
//! The runtime's serialization of all this is read in `input`.

mod input;

use input::Input;

/// The most accounts of a call.
const ACCOUNTS: usize = 24;

/// An account as the call names it, in the runtime's layout for C.
#[repr(C)]
#[derive(Clone, Copy)]
struct Meta {
    key: *const u8,
    is_writable: bool,
    is_signer: bool,
}

/// An account as the caller holds it, in the runtime's layout for C.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Info {
    key: *const u8,
    lamports: *const u8,
    data_length: u64,
    data: *const u8,
    owner: *const u8,
    rent_epoch: u64,
    is_signer: bool,
    is_writable: bool,
    is_executable: bool,
}

/// A call, in the runtime's layout for C.
#[repr(C)]
struct Call {
    program: *const u8,
    metas: *const Meta,
    meta_count: u64,
    data: *const u8,
    data_length: u64,
}

unsafe extern "C" {
    fn sol_invoke_signed_c(call: *const Call, infos: *const Info, count: u64, seeds: *const u8, seed_count: u64)
    -> u64;
}

/// # Safety
/// The runtime calls it with its own serialization of accounts, data and program id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn entrypoint(input: *const u8) -> u64 {
    let none = Info {
        key: core::ptr::null(),
        lamports: core::ptr::null(),
        data_length: 0,
        data: core::ptr::null(),
        owner: core::ptr::null(),
        rent_epoch: 0,
        is_signer: false,
        is_writable: false,
        is_executable: false,
    };
    let mut infos = [none; ACCOUNTS];
    // SAFETY: the runtime's own serialization.
    let Some((count, data)) = (unsafe { Input::new(input).read(&mut infos) }) else { return 1 };
    let Some((&times, rest)) = data.split_first() else { return 1 };
    if count == 0 || rest.len() < count - 1 {
        return 1;
    }
    let (signs, data) = rest.split_at(count - 1);
    let mut metas = [Meta { key: core::ptr::null(), is_writable: false, is_signer: false }; ACCOUNTS];
    for ((meta, info), sign) in metas.iter_mut().zip(&infos[1..count]).zip(signs) {
        let is_signer = if *sign == 2 { info.is_signer } else { *sign == 1 };
        *meta = Meta { key: info.key, is_writable: info.is_writable, is_signer };
    }
    let call = Call {
        program: infos[0].key,
        metas: metas.as_ptr(),
        meta_count: signs.len() as u64,
        data: data.as_ptr(),
        data_length: data.len() as u64,
    };
    for _ in 0..times {
        // SAFETY: the pointers and counts are those of live arrays; no seeds are given.
        let error = unsafe { sol_invoke_signed_c(&call, infos.as_ptr(), count as u64, core::ptr::null(), 0) };
        if error != 0 {
            return error;
        }
    }
    0
}
