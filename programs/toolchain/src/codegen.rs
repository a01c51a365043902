//! The second step of the link: optimised bitcode to a BPF object, through LLVM's BPF backend with the passes of
//! `backend.cpp` before it.

use std::{
    ffi::{CStr, CString, c_void},
    path::Path,
    ptr,
};

use anyhow::{Result, ensure};
use bpf_linker::llvm_sys::{
    LLVMDiagnosticSeverity,
    bit_reader::LLVMParseBitcodeInContext2,
    core::*,
    prelude::*,
    target_machine::*,
    transforms::pass_builder::{LLVMCreatePassBuilderOptions, LLVMDisposePassBuilderOptions, LLVMRunPasses},
};

// backend.cpp says what each of them is for.
unsafe extern "C" {
    fn sbf_disable_i128_libcalls(machine: LLVMTargetMachineRef, module: LLVMModuleRef);
    fn sbf_lower_signed_division(module: LLVMModuleRef);
    fn sbf_lower_wide_signatures(module: LLVMModuleRef) -> i32;
}

/// Compiles `bitcode` for `cpu` and writes the object to `output`.
pub fn emit_object(bitcode: &[u8], cpu: &str, features: &CStr, output: &Path) -> Result<()> {
    let cpu = CString::new(cpu)?;
    let path = CString::new(output.as_os_str().as_encoded_bytes())?;
    let mut errors: Vec<String> = Vec::new();
    // SAFETY: every pointer handed to LLVM lives to the end of this block, and LLVM's own objects are used in the order
    // its C interface asks for. `errors` outlives the context that reports into it, which is never used afterwards.
    unsafe {
        let context = LLVMContextCreate();
        LLVMContextSetDiagnosticHandler(context, Some(on_diagnostic), (&raw mut errors).cast());
        let module = parse(context, bitcode)?;
        let machine = target_machine(LLVMGetTarget(module), &cpu, features)?;
        lower(module, machine)?;
        let (file, mut message) = (LLVMCodeGenFileType::LLVMObjectFile, ptr::null_mut());
        let status = LLVMTargetMachineEmitToFile(machine, module, path.as_ptr(), file, &mut message);
        ensure!(status == 0, "LLVM's code generation failed");
        LLVMDisposeTargetMachine(machine);
        LLVMDisposeModule(module);
    }
    errors.sort();
    errors.dedup();
    ensure!(errors.is_empty(), "LLVM's BPF backend:\n{}", errors.join("\n"));
    Ok(())
}

/// # Safety
/// `context` is a live LLVM context.
unsafe fn parse(context: LLVMContextRef, bitcode: &[u8]) -> Result<LLVMModuleRef> {
    let mut module = ptr::null_mut();
    // SAFETY: the buffer is a view of `bitcode`, which outlives the parsing.
    let status = unsafe {
        let name = c"program".as_ptr();
        let buffer = LLVMCreateMemoryBufferWithMemoryRange(bitcode.as_ptr().cast(), bitcode.len(), name, 0);
        LLVMParseBitcodeInContext2(context, buffer, &mut module)
    };
    ensure!(status == 0, "cannot read the optimised bitcode again");
    Ok(module)
}

/// # Safety
/// `triple` is a C string of LLVM's.
unsafe fn target_machine(triple: *const i8, cpu: &CStr, features: &CStr) -> Result<LLVMTargetMachineRef> {
    let (mut target, mut message) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: all strings are live and null-terminated.
    unsafe {
        let status = LLVMGetTargetFromTriple(triple, &mut target, &mut message);
        ensure!(status == 0, "this LLVM has no BPF target");
        Ok(LLVMCreateTargetMachine(
            target,
            triple,
            cpu.as_ptr(),
            features.as_ptr(),
            LLVMCodeGenOptLevel::LLVMCodeGenLevelAggressive,
            LLVMRelocMode::LLVMRelocStatic,
            LLVMCodeModel::LLVMCodeModelDefault,
        ))
    }
}

/// Takes out of the module what the backend cannot do.
///
/// # Safety
/// `module` and `machine` are live and belong together.
unsafe fn lower(module: LLVMModuleRef, machine: LLVMTargetMachineRef) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        sbf_lower_signed_division(module);
        ensure!(sbf_lower_wide_signatures(module) >= 0, "lowering wide signatures broke the module");
        // The VM is single-threaded and has no atomic instructions.
        let options = LLVMCreatePassBuilderOptions();
        let error = LLVMRunPasses(module, c"function(lower-atomic)".as_ptr(), machine, options);
        LLVMDisposePassBuilderOptions(options);
        ensure!(error.is_null(), "lowering atomics failed");
        sbf_disable_i128_libcalls(machine, module);
    }
    Ok(())
}

extern "C" fn on_diagnostic(info: LLVMDiagnosticInfoRef, errors: *mut c_void) {
    // SAFETY: LLVM hands over a live diagnostic and the pointer that `emit_object` gave it, a `Vec<String>`.
    unsafe {
        if LLVMGetDiagInfoSeverity(info) != LLVMDiagnosticSeverity::LLVMDSError {
            return;
        }
        let raw = LLVMGetDiagInfoDescription(info);
        let message = CStr::from_ptr(raw).to_string_lossy().into_owned();
        LLVMDisposeMessage(raw);
        // LLVM 22 reports every libcall (memcpy, __floatundidf, ...) but emits a correct call; a callee that is not
        // linked in is found by the check of syscalls.
        if !message.contains("A call to built-in function '") {
            (*(errors as *mut Vec<String>)).push(message);
        }
    }
}
