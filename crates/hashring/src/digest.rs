//! The published hash functions, written from their specifications. Integer arithmetic alone, the same on every platform.

pub(crate) mod md5;
pub(crate) mod murmur3;
pub(crate) mod xxh64;

/// CRC-16/XMODEM: polynomial 0x1021, nothing reflected, no initial value.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| (crc << 1) ^ ((crc >> 15) * 0x1021))
    })
}

const CRC32: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ ((crc & 1) * 0xedb8_8320);
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "const code has no `get_mut`; `at` is below the length")]
        {
            table[at] = crc;
        }
        at += 1;
    }
    table
};

/// CRC-32 of IEEE 802.3, that of zlib.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    crc32_more(0, bytes)
}

/// The CRC-32 of some bytes after those whose CRC-32 is given.
pub(crate) fn crc32_more(before: u32, bytes: &[u8]) -> u32 {
    let step =
        |crc: u32, byte: &u8| (crc >> 8) ^ CRC32.get(usize::from(crc as u8 ^ byte)).copied().unwrap_or(0);
    !bytes.iter().fold(!before, step)
}

/// FNV-1a of 64 bits.
pub(crate) fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Eight bytes from `at` on, little-endian; what is missing is 0.
pub(crate) fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(bytes.iter().skip(at)) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32_more(crc32(b"1234"), b"56789"), 0xcbf4_3926);
        assert_eq!(fnv1a64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a64(b"foobar"), 0x85944171f73967e8);
        assert_eq!(xxh64::hash(0, b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64::hash(0, b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_eq!(xxh64::hash(0, b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64::hash(0, b"Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1);
        let words = |text: &str| md5::words(text.as_bytes()).map(u32::swap_bytes);
        assert_eq!(words(""), [0xd41d8cd9, 0x8f00b204, 0xe9800998, 0xecf8427e]);
        assert_eq!(words("message digest"), [0xf96b697d, 0x7cb7938d, 0x525a2f31, 0xaaf161d0]);
        let long = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(words(long), [0x57edf4a2, 0x2be3c955, 0xac49da2e, 0x2107b67a]);
        for len in 0..200 {
            // Padding at each length: the digest changes with the length alone.
            let zeros = alloc::vec![0; len];
            assert_ne!(md5::words(&zeros), md5::words(&alloc::vec![0; len + 1]));
        }
        assert_eq!(murmur3::hash(b""), 0);
        assert_eq!(murmur3::hash(b"hello"), 0xcbd8_a7b3_41bd_9b02);
    }
}
