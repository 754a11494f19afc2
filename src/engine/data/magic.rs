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
    let known = FORMATS.iter().find(|(begin, _)| head.starts_with(begin)).map(|(_, remedy)| *remedy);
    known.or_else(|| {
        svmlight(head).then_some(
            "this is the format of libsvm (svmlight); in Python: x, y = sklearn.datasets.load_svmlight_file(..), then \
             np.savez(.., x=x.toarray(), y=y) for Npy",
        )
    })
}

/// Whether each of the first lines is a label and then pairs such as `3:0.5`, with rising numbers before the colon.
fn svmlight(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(&head[..head.len().min(4096)])
        .or_else(|e| std::str::from_utf8(&head[..e.valid_up_to()]))
    else {
        return false;
    };
    let whole = head.len() <= 4096 || text.ends_with('\n');
    let count = text.lines().count();
    let lines = text.lines().take(if whole { count } else { count.saturating_sub(1).max(1) });
    let (mut several, mut any) = (false, false);
    for line in lines.map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|l| !l.is_empty())
    {
        let mut words = line.split_ascii_whitespace();
        if words.next().is_none_or(|label| label.parse::<f64>().is_err()) {
            return false;
        }
        let pairs: Option<Vec<u32>> = words
            .filter(|word| !word.starts_with("qid:"))
            .map(|word| {
                let (index, value) = word.split_once(':')?;
                value.parse::<f64>().ok()?;
                index.parse().ok()
            })
            .collect();
        let Some(pairs) = pairs.filter(|pairs| pairs.is_sorted_by(|a, b| a < b)) else { return false };
        several |= pairs.len() > 1;
        any = true;
    }
    any && several
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

    #[test]
    fn pairs_of_libsvm_are_told_from_tables_with_times() {
        for text in ["1 3:0.5 7:1.2\n-1 1:2 3:4\n", "+1 1:1\n-1 2:1e-3 5:7 # note\n", "2 qid:1 1:3 2:0.5"] {
            assert!(other_format(text.as_bytes()).is_some_and(|what| what.contains("libsvm")), "{text}");
        }
        let long = "1 3:0.5 7:1.2\n".repeat(400);
        assert!(other_format(long.as_bytes()).is_some());
        for text in ["1 10:30\n2 10:45\n", "1 10:30 9:15\n", "1 2 3\n", "a 1:2 3:4\n", "1,3:0.5\n", ""] {
            assert_eq!(other_format(text.as_bytes()), None, "{text}");
        }
    }
}
