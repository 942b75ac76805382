//! Decompression of pages, never to more bytes than are expected.

use std::io::Read;

use parquet::basic::Compression;
use parquet::compression::{create_codec, Codec, CodecOptionsBuilder};
use parquet::errors::Result as ParquetResult;

const BROTLI_BUFFER: usize = 64 << 10;

/// Decompresses pages, never to more than is expected.
pub(crate) enum Decompressor {
    Gzip,
    Brotli,
    Other(Box<dyn Codec>),
}

impl Decompressor {
    /// None for pages that are not compressed.
    pub(crate) fn new(compression: Compression) -> ParquetResult<Option<Decompressor>> {
        Ok(match compression {
            // The crate's own decoders of these go on for as long as there is input, so that a few
            // bytes could fill the memory.
            Compression::GZIP(_) => Some(Decompressor::Gzip),
            Compression::BROTLI(_) => Some(Decompressor::Brotli),
            other => {
                // LZ4 in Hadoop's framing, in a frame or raw: writers disagree on the name.
                let options = CodecOptionsBuilder::default().set_backward_compatible_lz4(true);
                create_codec(other, &options.build())?.map(Decompressor::Other)
            }
        })
    }

    /// Appends what `input` decompresses to, or an error once it is more than `expected` bytes.
    pub(crate) fn decompress(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        expected: usize,
    ) -> ParquetResult<()> {
        let most = expected as u64 + 1;
        match self {
            Decompressor::Gzip => {
                flate2::read::MultiGzDecoder::new(input)
                    .take(most)
                    .read_to_end(out)?;
            }
            Decompressor::Brotli => {
                brotli::Decompressor::new(input, BROTLI_BUFFER)
                    .take(most)
                    .read_to_end(out)?;
            }
            Decompressor::Other(codec) => {
                codec.decompress(input, out, Some(expected))?;
            }
        }
        Ok(())
    }
}
