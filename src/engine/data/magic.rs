//! Files of other formats, recognised by how they begin, each with the way to a format that is read.

/// How a file of another format begins, and the remedy.
type Row = (&'static [u8], &'static str);

const FORMATS: &[Row] = &[
    (&[0xff, 0xfe], "this is UTF-16; save it as UTF-8"),
    (&[0xfe, 0xff], "this is UTF-16; save it as UTF-8"),
    (b"PK\x03\x04", "this is an archive, such as an .xlsx; save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "this is an .xls file; save the table as CSV"),
    (b"PAR1", "this is a Parquet file; in pandas: pd.read_parquet(..).to_csv(.., index=False)"),
    (b"ARROW1", "this is a Feather file; in pandas: pd.read_feather(..).to_csv(.., index=False)"),
    (b"\x89HDF", "this is an HDF5 file; save its arrays with np.savez(.., x=x, y=y) for Npy"),
    (b"MATLAB", "this is a MATLAB file; scipy.io.loadmat reads it, np.savez(.., x=x, y=y) saves it for Npy"),
    (b"SQLite format 3", "this is a database; save one table as CSV"),
    (b"\x93NUMPY", "this is a NumPy array; write Npy(..) instead of Csv(..)"),
    (b"BZh", "this is compressed with bzip2; unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "this is compressed with xz; unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "this is compressed with zstd; unpack it, or compress it with gzip"),
    // No text in UTF-8 begins with this byte.
    (
        b"\x80",
        "this is a pickle, which may run code and is not opened; save the arrays with np.savez(.., x=x, y=y)",
    ),
    (b"version https://git-lfs", "this is a pointer of Git LFS, not the file; `git lfs pull` fetches it"),
    (b"<!DOCTYPE", "this is a web page, not a table; was the file downloaded?"),
    (b"<!doctype", "this is a web page, not a table; was the file downloaded?"),
    (b"<html", "this is a web page, not a table; was the file downloaded?"),
    (b"%PDF", "this is a PDF; save the table as CSV"),
    (b"@relation", "this is ARFF; delete the lines up to @data, and write the names of the columns there"),
    (b"@RELATION", "this is ARFF; delete the lines up to @DATA, and write the names of the columns there"),
    (b"{\"", "this is JSON; in pandas: pd.read_json(.., lines=True).to_csv(.., index=False)"),
    (b"[{", "this is JSON; in pandas: pd.read_json(..).to_csv(.., index=False)"),
    (b"<<<<<<<", "this line marks a conflict of Git; resolve it"),
];

/// The remedy for a file that begins like this, if it is of a known other format.
pub(super) fn other_format(head: &[u8]) -> Option<&'static str> {
    FORMATS.iter().find(|(begin, _)| head.starts_with(begin)).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_told_from_tables() {
        assert!(other_format(b"PAR1\x15\x04").is_some_and(|what| what.contains("read_parquet")));
        assert!(
            other_format(b"version https://git-lfs.github.com/spec/v1\n")
                .is_some_and(|w| w.contains("lfs pull"))
        );
        for table in [&b"version,x\n1,2\n"[..], b"a,b\n", b"1,2\n", b"<5,3\n", b"[1],2\n", b""] {
            assert_eq!(other_format(table), None);
        }
    }
}
