//! Sections, segments and exported functions of an ELF file of x86-64. What is broken is not there.

/// A file.
#[derive(Clone, Copy)]
pub(super) struct Elf<'a>(&'a [u8]);

/// What the header of a section says of it.
pub(super) struct Section {
    pub(super) address: u64,
    pub(super) offset: u64,
    length: u64,
    /// Number of the section that belongs to it.
    link: u32,
}

/// A part of the file that is mapped.
pub(super) struct Segment {
    pub(super) address: u64,
    pub(super) executable: bool,
    pub(super) writable: bool,
    offset: u64,
    length: u64,
}

impl<'a> Elf<'a> {
    /// `None` if it is of another kind.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        const X86_64: u16 = 62;
        let elf = Self(bytes);
        (bytes.get(..5)? == b"\x7fELF\x02" && elf.half(18)? == X86_64).then_some(elf)
    }

    /// The section with this name.
    pub(super) fn section(self, name: &[u8]) -> Option<Section> {
        let names = self.nth(u32::from(self.half(62)?))?;
        let count = u32::from(self.half(60)?);
        (0..count).find_map(|index| {
            let own = self.int(self.header(index)?)?;
            let is_named = self.text(&names, own)? == name;
            is_named.then(|| self.nth(index))?
        })
    }

    /// What is in a section.
    pub(super) fn bytes(self, section: &Section) -> Option<&'a [u8]> {
        self.range(section.offset, section.length)
    }

    /// What is mapped.
    pub(super) fn segments(self) -> impl Iterator<Item = Segment> {
        const LOAD: u32 = 1;
        let count = usize::from(self.half(56).unwrap_or(0));
        let headers = (0..count).filter_map(move |index| {
            let size = usize::from(self.half(54)?);
            usize::try_from(self.word(32)?).ok()?.checked_add(index * size)
        });
        headers.filter(move |&header| self.int(header) == Some(LOAD)).filter_map(move |header| {
            let flags = self.int(header.checked_add(4)?)?;
            Some(Segment {
                address: self.word(header.checked_add(16)?)?,
                executable: flags & 1 != 0,
                writable: flags & 2 != 0,
                offset: self.word(header.checked_add(8)?)?,
                length: self.word(header.checked_add(32)?)?,
            })
        })
    }

    /// What is in a segment.
    pub(super) fn mapped(self, segment: &Segment) -> Option<&'a [u8]> {
        self.range(segment.offset, segment.length)
    }

    fn range(self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let end = offset.checked_add(length)?;
        self.0.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
    }

    /// Addresses of the functions that are exported by this name.
    pub(super) fn functions(self, name: &[u8]) -> Option<Vec<u64>> {
        const FUNCTION: u8 = 2;
        let symbols = self.section(b".dynsym")?;
        let names = self.nth(symbols.link)?;
        let symbols = self.bytes(&symbols)?.as_chunks::<24>().0.iter();
        let addresses = symbols.filter_map(|symbol| {
            let symbol = Elf(symbol);
            let (kind, section) = (symbol.0.get(4)? & 15, symbol.half(6)?);
            let is_it = kind == FUNCTION && section != 0;
            (is_it && self.text(&names, symbol.int(0)?)? == name).then(|| symbol.word(8))?
        });
        Some(addresses.collect())
    }

    fn nth(self, index: u32) -> Option<Section> {
        let header = self.header(index)?;
        Some(Section {
            address: self.word(header + 16)?,
            offset: self.word(header + 24)?,
            length: self.word(header + 32)?,
            link: self.int(header + 40)?,
        })
    }

    /// Where the header of a section is.
    fn header(self, index: u32) -> Option<usize> {
        let (table, size) = (self.word(40)?, usize::from(self.half(58)?));
        let header = size.checked_mul(index as usize)?.checked_add(usize::try_from(table).ok()?)?;
        (header < self.0.len()).then_some(header)
    }

    /// A text, without its end, in a section of them.
    fn text(self, texts: &Section, at: u32) -> Option<&'a [u8]> {
        let rest = self.bytes(texts)?.get(at as usize..)?;
        rest.get(..memchr::memchr(0, rest)?)
    }

    fn word(self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    fn int(self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    fn half(self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")] // Only there is a fast way.
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_not_there() {
        assert!(Elf::new(b"#!/bin/sh\n").is_none());
        assert!(Elf::new(b"\x7fELF\x02").is_none());
        let whole = std::fs::read("/proc/self/exe").unwrap();
        for length in [20, 64, 1000] {
            let elf = Elf::new(&whole[..length]);
            assert!(elf.is_none_or(|elf| elf.section(b".text").is_none()));
        }
        for byte in 40..64 {
            for value in [0x80, 0xff] {
                let mut broken = whole.clone();
                broken[byte] = value;
                let elf = Elf::new(&broken).unwrap();
                // Whatever it says, it says it.
                let _ = (elf.section(b".text"), elf.functions(b"syscall"), elf.segments().count());
            }
        }
    }

    #[test]
    fn functions_are_those_that_it_has_itself() {
        let whole = std::fs::read("/proc/self/exe").unwrap();
        let elf = Elf::new(&whole).unwrap();
        assert!(elf.section(b".text").is_some_and(|text| text.address > 0));
        // Needed by every program, and never its own.
        assert_eq!(elf.functions(b"__libc_start_main").unwrap(), Vec::<u64>::new());
        assert!(elf.section(b".none").is_none());
    }

    #[test]
    fn code_is_mapped_where_it_can_be_executed_and_not_changed() {
        let whole = std::fs::read("/proc/self/exe").unwrap();
        let elf = Elf::new(&whole).unwrap();
        let text = elf.section(b".text").unwrap();
        let around = |segment: &Segment| {
            let at = text.address.checked_sub(segment.address);
            at.is_some_and(|at| at < elf.mapped(segment).unwrap().len() as u64)
        };
        let segment = elf.segments().find(around).unwrap();
        assert!(segment.executable && !segment.writable);
    }
}
