//! A directory of pictures, with one directory per class. Decodes files that its caller opens, with limits on their
//! number and size.

use super::bitmap::{ENDINGS, decode, push};
use super::{Dataset, Files, Labels, Reading, Samples, Source, SourceError, budget};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;
use walk::{DirectoryContents, walk};

mod walk;

settings! {
    /// Pictures of your own: a directory with one directory of PNG, JPEG, WebP, BMP or GIF files for every class.
    pub struct Folder {
        /// the directory, relative to the scenario
        path: String = String::new();
        /// height and width that every picture is brought to; as the first one, if none is given
        size: Option<(usize, usize)> = None, 1..=limits::PICTURE_EDGE;
        /// whether colours become shades of grey
        grey: bool = false;
    }
}

impl Source for Folder {
    fn files(&self) -> Vec<&str> {
        vec![&self.path]
    }

    fn load(&self, files: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        if self.path.is_empty() {
            return Err(SourceError::new("Folder(path: \"..\") names a directory"));
        }
        let DirectoryContents { names, train: mut paths, held, notes, doubts } = walk(files, &self.path)?;
        let train = paths.len();
        paths.extend(held.unwrap_or_default());
        let Some((first, _)) = paths.first() else {
            let what =
                format!("no picture in its directories: no file that ends with .{}", ENDINGS.join(", ."));
            return Err(SourceError::in_file(&self.path, what));
        };
        let (height, width) = match self.size {
            Some(size) => size,
            None => open(files, first)?.0,
        };
        let channels = if self.grey { 1 } else { 3 };
        budget(paths.len(), channels * height * width)?;
        let (mut inputs, mut of) = (Vec::new(), Vec::new());
        for (path, class) in &paths {
            let ((h, w), picture) = open(files, path)?;
            if self.size.is_none() && (h, w) != (height, width) {
                let what = format!(
                    "{h}x{w} pixels where {first} has {height}x{width}; write Folder(path: .., size: (height, width))"
                );
                return Err(SourceError::in_file(path, what));
            }
            push(&picture, (height, width), self.grey, &mut inputs);
            of.push(*class as u32);
        }
        let names = names.iter().map(|n| crate::text::escaped(n).into_owned()).collect();
        let samples = Samples {
            shape: Shape::Image { channels, height, width },
            inputs,
            labels: Labels::Classes { of, names },
        };
        let parts = |range: std::ops::Range<usize>| samples.pick(&range.collect::<Vec<_>>());
        let validation = (train < paths.len()).then(|| parts(train..paths.len()));
        let samples = if validation.is_some() { parts(0..train) } else { samples };
        let reading = Reading { notes, doubts, ..Reading::default() };
        Ok(Dataset { range: Some((0.0, 1.0)), validation, reading, ..samples.into() })
    }
}

/// A picture with its height and width.
fn open(files: &dyn Files, path: &str) -> Result<((usize, usize), image::DynamicImage), SourceError> {
    let fault = |what: String| SourceError::in_file(path, what);
    let bytes = files.read(path, limits::DATA_FILE_BYTES / 4).map_err(fault)?;
    let picture = decode(&bytes).map_err(fault)?;
    Ok(((picture.height() as usize, picture.width() as usize), picture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::DirectoryEntry;
    use std::io::Cursor;

    /// Two classes of pictures in memory.
    struct Album(Vec<(&'static str, Vec<u8>)>);

    impl Files for Album {
        fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, String> {
            self.0.iter().find(|(p, _)| *p == path).map(|(_, b)| b.clone()).ok_or_else(|| "not there".into())
        }
        fn list(&self, path: &str) -> Result<Vec<DirectoryEntry>, String> {
            let below = self.0.iter().filter_map(|(p, _)| p.strip_prefix(&format!("{path}/")[..]));
            let mut entries: Vec<DirectoryEntry> = below
                .map(|rest| {
                    let name = rest.split('/').next().unwrap_or(rest);
                    DirectoryEntry { name: name.into(), directory: rest.contains('/') }
                })
                .collect();
            entries.dedup();
            Ok(entries)
        }
    }

    fn png(height: u32, width: u32, colour: [u8; 3]) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image::RgbImage::from_pixel(width, height, image::Rgb(colour))
            .write_to(&mut out, image::ImageFormat::Png)
            .unwrap();
        out.into_inner()
    }

    #[test]
    fn directories_are_classes_and_sizes_agree() {
        let mut album = Album(vec![
            ("d/cat/1.png", png(2, 3, [255, 0, 51])),
            ("d/dog/1.PNG", png(2, 3, [0, 0, 0])),
            ("d/dog/x.txt", vec![]),
        ]);
        let folder = Folder { path: "d".into(), ..Folder::default() };
        let set = folder.load(&album, 1).unwrap().samples;
        assert_eq!(set.shape, Shape::Image { channels: 3, height: 2, width: 3 });
        assert_eq!(set.input(0)[..7], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
        assert_eq!(set.labels, Labels::Classes { of: vec![0, 1], names: vec!["cat".into(), "dog".into()] });
        album.0.push(("d/dog/2.png", png(4, 4, [0, 0, 0])));
        assert!(folder.load(&album, 1).unwrap_err().what.contains("size:"));
        let sized = Folder { size: Some((1, 1)), grey: true, ..folder.clone() };
        assert_eq!(sized.load(&album, 1).unwrap().samples.inputs.len(), 3);
        album.0[0].1.truncate(40);
        let error = sized.load(&album, 1).unwrap_err();
        assert_eq!(error.file.as_deref(), Some("d/cat/1.png"));
    }

    #[test]
    fn directories_called_by_numbers_are_ordered_by_value_and_told() {
        let one = || png(2, 2, [0, 0, 0]);
        let album = Album(vec![("d/1/a.png", one()), ("d/10/a.png", one()), ("d/9/a.png", one())]);
        let data = Folder { path: "d".into(), ..Folder::default() }.load(&album, 1).unwrap();
        let names = ["1", "9", "10"].map(String::from).to_vec();
        assert_eq!(data.samples.labels, Labels::Classes { of: vec![0, 1, 2], names });
        assert!(data.reading.notes[0].contains("in order of value"), "{:?}", data.reading.notes);
    }

    #[test]
    fn pictures_that_are_not_read_are_told() {
        let one = || png(2, 2, [0, 0, 0]);
        let album = Album(vec![
            ("d/0.png", one()),
            ("d/a/1.png", one()),
            ("d/a/inner/2.png", one()),
            ("d/b/1.png", one()),
            ("d/b/words/1.txt", vec![]),
        ]);
        let data = Folder { path: "d".into(), ..Folder::default() }.load(&album, 1).unwrap();
        assert_eq!(data.samples.len(), 2);
        let doubts: Vec<&str> = data.reading.doubts.iter().map(|d| d.what.as_str()).collect();
        assert_eq!(
            doubts,
            [
                "pictures in directories inside a class are not read: d/a/inner; move them up into the directory of their class",
                "pictures beside the directories of the classes are not read, 1 in all; move each into the directory of its class",
            ]
        );
    }

    #[test]
    fn what_macos_adds_is_no_class() {
        let one = || png(2, 2, [0, 0, 0]);
        let album = Album(vec![
            ("d/.DS_Store", vec![0; 4]),
            ("d/__MACOSX/a/._1.png", vec![0; 4]),
            ("d/a/.DS_Store", vec![0; 4]),
            ("d/a/._1.png", vec![0; 4]),
            ("d/a/1.png", one()),
            ("d/b/1.png", one()),
        ]);
        let data = Folder { path: "d".into(), ..Folder::default() }.load(&album, 1).unwrap();
        let names = ["a", "b"].map(String::from).to_vec();
        assert_eq!(data.samples.labels, Labels::Classes { of: vec![0, 1], names });
        assert_eq!((data.reading.notes, data.reading.doubts), (vec![], vec![]));
    }

    #[test]
    fn pictures_one_level_deeper_are_named() {
        let album =
            Album(vec![("d/a/inner/1.png", png(2, 2, [0, 0, 0])), ("d/b/inner/1.png", png(2, 2, [0, 0, 0]))]);
        let error = Folder { path: "d".into(), ..Folder::default() }.load(&album, 1).unwrap_err();
        assert_eq!(error.file.as_deref(), Some("d/a"));
        assert!(error.what.contains("directories: inner"), "{error}");
    }

    #[test]
    fn a_directory_without_classes_names_what_is_there_instead() {
        let one = || png(2, 2, [0, 0, 0]);
        let fault =
            |album: &Album| Folder { path: "d".into(), ..Folder::default() }.load(album, 1).unwrap_err().what;
        let nested = Album(vec![("d/data/images/a/1.png", one()), ("d/data/images/b/1.png", one())]);
        assert!(fault(&nested).starts_with("1 directory in it"), "{}", fault(&nested));
        assert!(fault(&nested).contains("Folder(path: \"d/data/images\")"), "{}", fault(&nested));
        let flat = Album(vec![("d/1.png", one()), ("d/2.png", one())]);
        assert!(
            fault(&flat).contains("2 pictures lie in it, outside of such directories"),
            "{}",
            fault(&flat)
        );
    }
}
