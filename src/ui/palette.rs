//! The colours of terminals with 256 or 16 colours: their appearance, the nearest one to a given colour, and hand-made
//! ramps. Choosing the nearest entry for each number separately would look speckled: its lightness would jump up and
//! down along an even ramp. Knows nothing of the drawing.

use ratatui::style::Color;
use std::sync::LazyLock;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// The sixteen colours in xterm; other terminals differ.
pub const BASIC: [(Color, Rgb); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// Viridis in the 256 colours.
pub const SEQUENTIAL: [u8; 9] = [53, 54, 24, 30, 36, 42, 113, 184, 220];
/// Sky blue, dark, orange in the 256 colours.
pub const DIVERGING: [u8; 9] = [74, 31, 24, 236, 234, 236, 94, 136, 214];
/// Dark to bright in the 16 colours: only steps that get brighter in the palettes of all common terminals.
pub const SEQUENTIAL_16: [Color; 6] =
    [Color::Black, Color::Blue, Color::Green, Color::LightGreen, Color::LightYellow, Color::White];
/// Blue, black, orange in the 16 colours.
pub const DIVERGING_16: [Color; 7] =
    [Color::LightCyan, Color::Cyan, Color::Blue, Color::Black, Color::Red, Color::Yellow, Color::LightYellow];

/// Black to white in the 16 colours.
pub const GREY_16: [Color; 4] = [Color::Black, Color::DarkGray, Color::Gray, Color::White];

/// The step of a ramp for `t` in [0, 1].
pub fn step<T: Copy>(ramp: &[T], t: f64) -> T {
    ramp[((t * ramp.len() as f64) as usize).min(ramp.len() - 1)]
}

/// The background of each class in the 256 colours, from uncertain to certain: for dark, then for light backgrounds.
pub const CLASSES: [[[u8; 3]; 8]; 2] = [
    [
        [236, 94, 130],
        [236, 24, 31],
        [236, 22, 29],
        [236, 89, 132],
        [236, 58, 100],
        [236, 88, 124],
        [236, 19, 61],
        [236, 240, 244],
    ],
    [
        [255, 222, 215],
        [255, 153, 117],
        [255, 151, 115],
        [255, 218, 175],
        [255, 187, 185],
        [255, 216, 209],
        [255, 147, 111],
        [255, 252, 248],
    ],
];
/// The points of each class in the 256 colours: for dark, then for light backgrounds.
pub const POINTS: [[u8; 8]; 2] =
    [[222, 153, 121, 225, 228, 216, 147, 252], [94, 24, 22, 89, 58, 88, 18, 240]];

/// Levels of red, green and blue in the 6x6x6 cube.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The appearance of one of the 256 colours; `None` for the first sixteen, which the terminal defines.
pub fn look(index: u8) -> Option<Rgb> {
    match index {
        0..16 => None,
        16..232 => {
            let i = usize::from(index - 16);
            Some([LEVELS[i / 36], LEVELS[i / 6 % 6], LEVELS[i % 6]])
        }
        232.. => Some([8 + 10 * (index - 232); 3]),
    }
}

/// Perceptual lightness and the two axes of hue (Oklab; Ottosson, 2020).
pub fn oklab(c: Rgb) -> [f64; 3] {
    static LINEAR: LazyLock<[f64; 256]> = LazyLock::new(|| {
        std::array::from_fn(|i| {
            let v = i as f64 / 255.0;
            if v <= 0.04045 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
        })
    });
    let [r, g, b] = c.map(|v| LINEAR[usize::from(v)]);
    let l = libm::cbrt(0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b);
    let m = libm::cbrt(0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b);
    let s = libm::cbrt(0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b);
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

/// The one of the 256 colours that is perceptually nearest: among the corners of the cube around it and the greys
/// beside it.
pub fn nearest(c: Rgb) -> u8 {
    static LABS: LazyLock<Vec<[f64; 3]>> =
        LazyLock::new(|| (0..=255).map(|i| oklab(look(i).unwrap_or_default())).collect());
    let wanted = oklab(c);
    let above = c.map(|v| LEVELS.iter().position(|l| *l >= v).unwrap_or(5));
    let below = c.map(|v| LEVELS.iter().rposition(|l| *l <= v).unwrap_or(0));
    let corner = |i: usize| {
        let at = |axis: usize| if i >> axis & 1 == 1 { above[axis] } else { below[axis] };
        16 + 36 * at(0) as u8 + 6 * at(1) as u8 + at(2) as u8
    };
    // The greys are 8, 18 ... 238.
    let grey = |v: u8| 232 + (v.clamp(8, 238) - 8) / 10;
    let [least, most] = [c.iter().min(), c.iter().max()].map(|v| grey(v.copied().unwrap_or(0)));
    let far = |i: u8| {
        let lab = LABS[usize::from(i)];
        (0..3).map(|k| (lab[k] - wanted[k]).powi(2)).sum::<f64>()
    };
    let all = (0..8).map(corner).chain(least..=most.saturating_add(1).max(most));
    all.min_by(|a, b| far(*a).total_cmp(&far(*b))).unwrap_or(16)
}

/// The contrast ratio of two colours for readable text (WCAG 2.2, 1.4.3): from 1 to 21.
#[cfg(test)]
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let luminance = |c: Rgb| {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
        };
        0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2])
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lightness(index: u8) -> f64 {
        oklab(look(index).expect("not one of the terminal's own"))[0]
    }

    /// Whether every number is above the one before it.
    fn rises(all: &[f64]) -> bool {
        all.windows(2).all(|w| w[1] > w[0])
    }

    #[test]
    fn ramps_of_256_colours_rise_in_lightness() {
        assert!(rises(&SEQUENTIAL.map(lightness)), "{:?}", SEQUENTIAL.map(lightness));
        let (negative, positive) = (&DIVERGING[..=4], &DIVERGING[4..]);
        assert!(rises(&negative.iter().rev().map(|i| lightness(*i)).collect::<Vec<_>>()));
        assert!(rises(&positive.iter().map(|i| lightness(*i)).collect::<Vec<_>>()));
        for ramp in CLASSES[0] {
            assert!(rises(&ramp.map(lightness)), "{ramp:?} {:?}", ramp.map(lightness));
        }
        for ramp in CLASSES[1] {
            assert!(rises(&ramp.map(|i| -lightness(i))), "{ramp:?} {:?}", ramp.map(lightness));
        }
    }

    #[test]
    fn ramps_of_16_colours_rise_in_lightness_whatever_the_terminal() {
        // The palettes of xterm, the Linux console and GNOME's terminal, in the order of BASIC.
        let console = [
            0x00_0000, 0xaa_0000, 0x00_aa00, 0xaa_5500, 0x00_00aa, 0xaa_00aa, 0x00_aaaa, 0xaa_aaaa,
            0x55_5555, 0xff_5555, 0x55_ff55, 0xff_ff55, 0x55_55ff, 0xff_55ff, 0x55_ffff, 0xff_ffff,
        ];
        let tango = [
            0x2e_3436, 0xcc_0000, 0x4e_9a06, 0xc4_a000, 0x34_65a4, 0x75_507b, 0x06_989a, 0xd3_d7cf,
            0x55_5753, 0xef_2929, 0x8a_e234, 0xfc_e94f, 0x72_9fcf, 0xad_7fa8, 0x34_e2e2, 0xee_eeec,
        ];
        let bytes = |all: [u32; 16]| all.map(|c| [(c >> 16) as u8, (c >> 8) as u8, c as u8]);
        for palette in [BASIC.map(|b| b.1), bytes(console), bytes(tango)] {
            let lightness = |c: &Color| {
                let at = BASIC.iter().position(|b| b.0 == *c).expect("one of sixteen");
                oklab(palette[at])[0]
            };
            assert!(rises(&SEQUENTIAL_16.iter().map(lightness).collect::<Vec<_>>()));
            assert!(rises(&DIVERGING_16[..=3].iter().rev().map(lightness).collect::<Vec<_>>()));
            assert!(rises(&DIVERGING_16[3..].iter().map(lightness).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn points_are_seen_on_the_ground_of_their_class() {
        for (grounds, points) in CLASSES.iter().zip(POINTS) {
            for (ramp, point) in grounds.iter().zip(points) {
                for ground in ramp {
                    let (a, b) = (look(point).expect("a colour"), look(*ground).expect("a colour"));
                    assert!(contrast(a, b) > 2.5, "{point} on {ground}: {}", contrast(a, b));
                }
            }
        }
    }

    #[test]
    fn the_nearest_colour_is_the_colour_itself_and_greys_stay_grey() {
        for i in 16..=255 {
            let c = look(i).expect("a colour");
            assert_eq!(look(nearest(c)), Some(c));
        }
        for v in 0..=255u8 {
            let [r, g, b] = look(nearest([v; 3])).expect("a colour");
            assert!(r == g && g == b && r.abs_diff(v) <= 5 + 3, "{v}: {r} {g} {b}");
        }
    }
}
