//! The runtime's serialization of accounts and instruction data.

use crate::Info;

/// Marks an account that stands in no earlier place.
const FIRST: u8 = 0xff;
/// Room for growth behind the data of each account.
const ROOM: usize = 10_240;

/// A place in the serialization.
pub struct Input(*const u8);

impl Input {
    pub fn new(start: *const u8) -> Self {
        Self(start)
    }

    /// Reads the accounts into `infos` and says how many there are, and what the instruction data is.
    ///
    /// # Safety
    /// It must stand at the start of the runtime's serialization.
    pub unsafe fn read(mut self, infos: &mut [Info]) -> Option<(usize, &'static [u8])> {
        // SAFETY: the layout is the runtime's, and each length in it is the runtime's word.
        unsafe {
            let count = self.number() as usize;
            if count > infos.len() {
                return None;
            }
            for index in 0..count {
                let mark = *self.skip(1);
                infos[index] = if mark == FIRST { self.account() } else { self.copy(infos, mark) };
            }
            let length = self.number() as usize;
            Some((count, core::slice::from_raw_parts(self.0, length)))
        }
    }

    /// An account that stood before.
    unsafe fn copy(&mut self, infos: &[Info], index: u8) -> Info {
        // SAFETY: seven bytes of padding follow.
        unsafe { self.skip(7) };
        infos[index as usize]
    }

    /// An account, behind its mark.
    unsafe fn account(&mut self) -> Info {
        // SAFETY: flags, padding, key, owner, lamports, length, data, room, padding to eight bytes, rent epoch.
        unsafe {
            let flags = self.skip(7);
            let (key, owner, lamports) = (self.skip(32), self.skip(32), self.skip(8));
            let data_length = self.number();
            let data = self.skip(data_length as usize + ROOM);
            self.skip((data_length as usize).wrapping_neg() % 8);
            let rent_epoch = self.number();
            let (is_signer, is_writable, is_executable) = (*flags != 0, *flags.add(1) != 0, *flags.add(2) != 0);
            Info { key, lamports, data_length, data, owner, rent_epoch, is_signer, is_writable, is_executable }
        }
    }

    unsafe fn number(&mut self) -> u64 {
        // SAFETY: eight bytes follow.
        unsafe { self.skip(8).cast::<u64>().read_unaligned() }
    }

    /// Moves on, and gives where it was.
    unsafe fn skip(&mut self, bytes: usize) -> *const u8 {
        let here = self.0;
        // SAFETY: the caller knows that as many bytes follow.
        self.0 = unsafe { here.add(bytes) };
        here
    }
}
