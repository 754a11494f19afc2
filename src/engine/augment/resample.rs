//! Resamples an image through a linear map about its centre, by bilinear interpolation. Uses no randomness.

/// x ← the image resampled through `map`, which maps positions in the new image to positions in the old one, both as
/// (across, down) from the centre: `[[a, b], [c, d]]` maps (x, y) to (ax + by, cx + dy).
///
/// Each new pixel is the mean of the four old pixels around its position, weighted by nearness; a position beyond the
/// edge counts as `outside`. `old` is scratch memory as long as the image.
pub(super) fn through(
    map: [[f32; 2]; 2],
    x: &mut [f32],
    (height, width): (usize, usize),
    outside: &[f32],
    old: &mut [f32],
) {
    old.copy_from_slice(x);
    let (middle_x, middle_y) = (0.5 * (width as f32 - 1.0), 0.5 * (height as f32 - 1.0));
    let planes = x.chunks_exact_mut(height * width).zip(old.chunks_exact(height * width));
    for ((new, old), outside) in planes.zip(outside.chunks_exact(height * width)) {
        for row in 0..height {
            let y = row as f32 - middle_y;
            for column in 0..width {
                let x = column as f32 - middle_x;
                let across = middle_x + (map[0][0] * x + map[0][1] * y);
                let down = middle_y + (map[1][0] * x + map[1][1] * y);
                let i = row * width + column;
                // The comparison is made in floats, so that no far position and no NaN becomes an index.
                let inside = across > -1.0 && across < width as f32 && down > -1.0 && down < height as f32;
                if !inside {
                    new[i] = outside[i];
                    continue;
                }
                let (left, top) = (across.floor(), down.floor());
                let (right_share, low_share) = (across - left, down - top);
                let (left, top) = (left as isize, top as isize);
                let at = |row: isize, column: isize| {
                    let known =
                        row >= 0 && column >= 0 && (row as usize) < height && (column as usize) < width;
                    if known { old[row as usize * width + column as usize] } else { outside[i] }
                };
                let mix = |a: f32, b: f32, share: f32| if share == 0.0 { a } else { a + share * (b - a) };
                let upper = mix(at(top, left), at(top, left + 1), right_share);
                let lower = mix(at(top + 1, left), at(top + 1, left + 1), right_share);
                new[i] = mix(upper, lower, low_share);
            }
        }
    }
}
