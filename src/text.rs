//! Escapes text from outside for terminals, XML and LaTeX: no control character reaches the output. Knows no terminal.

use std::borrow::Cow;

/// Whether a character could move the cursor, hide text or turn its direction.
pub fn harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every harmful character written as `\u{1b}`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, |_| false)
}

/// The same for texts of several lines: line ends are kept.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, |c| c == '\n')
}

fn escaped_but(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(|c| harmful(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmful(c) && !keep(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// The text escaped for XML and HTML, in elements and in attributes.
pub fn xml(text: &str) -> String {
    escaped_lines(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Characters that are mathematical symbols in LaTeX, with their names there.
const SYMBOLS: [(char, &str); 47] = [
    ('~', "sim"),
    ('‖', "|"),
    ('α', "alpha"),
    ('β', "beta"),
    ('γ', "gamma"),
    ('δ', "delta"),
    ('ε', "varepsilon"),
    ('ζ', "zeta"),
    ('η', "eta"),
    ('θ', "theta"),
    ('ι', "iota"),
    ('κ', "kappa"),
    ('λ', "lambda"),
    ('μ', "mu"),
    ('ν', "nu"),
    ('ξ', "xi"),
    ('π', "pi"),
    ('ρ', "rho"),
    ('σ', "sigma"),
    ('τ', "tau"),
    ('φ', "varphi"),
    ('χ', "chi"),
    ('ψ', "psi"),
    ('ω', "omega"),
    ('Γ', "Gamma"),
    ('Δ', "Delta"),
    ('Θ', "Theta"),
    ('Λ', "Lambda"),
    ('Π', "Pi"),
    ('Σ', "Sigma"),
    ('Φ', "Phi"),
    ('Ω', "Omega"),
    ('→', "rightarrow"),
    ('←', "leftarrow"),
    ('↑', "uparrow"),
    ('↓', "downarrow"),
    ('≤', "leq"),
    ('≥', "geq"),
    ('≠', "neq"),
    ('≈', "approx"),
    ('∞', "infty"),
    ('∂', "partial"),
    ('∇', "nabla"),
    ('∈', "in"),
    ('∫', "int"),
    ('⊙', "odot"),
    ('ℓ', "ell"),
];

/// The text escaped for LaTeX: nothing in it acts as a command.
pub fn tex(text: &str) -> String {
    let mut out = String::new();
    for c in escaped(text).chars() {
        if let Some((_, name)) = SYMBOLS.iter().find(|s| s.0 == c) {
            out.extend(["$\\", name, "$"]);
            continue;
        }
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '\\' => out.push_str("\\textbackslash{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' | '>' | '|' => out.extend(['$', c, '$']),
            c => out.push(c),
        }
    }
    out
}

/// At most `limit` characters of a text, escaped, with `…` where it was cut.
pub fn excerpt(text: &str, limit: usize) -> String {
    let mut out = escaped(&text.chars().take(limit).collect::<String>()).into_owned();
    if text.chars().nth(limit).is_some() {
        out.push('…');
    }
    out
}

/// The nearest of `names` as a question to append: `; did you mean Adam?`.
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: String = word.chars().take(64).collect::<String>().to_lowercase();
    names
        .into_iter()
        .map(|name| {
            let lower = name.to_lowercase();
            let near = if lower == word {
                0
            } else if lower.len() > 3
                && word.len() > 3
                && (lower.starts_with(&word) || word.starts_with(&lower))
            {
                1
            } else {
                strsim::damerau_levenshtein(&word, &lower)
            };
            (near, name)
        })
        .filter(|(distance, name)| *distance <= 1 + name.len().min(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_harmful_is_left() {
        let nasty = "a\u{1b}]52;c;x\u{7}\u{9b}m\u{202e}\0\u{feff}é→";
        let safe = escaped(nasty);
        assert!(!safe.contains(harmful), "{safe}");
        assert!(safe.contains("\\u{1b}]52") && safe.ends_with("é→"));
        assert_eq!(excerpt("abc", 2), "ab…");
        assert_eq!(escaped_lines("a\nb\r"), "a\nb\\u{d}");
    }

    #[test]
    fn markup_is_text_only() {
        assert_eq!(xml("a<b> & \"c\"\u{1b}"), "a&lt;b&gt; &amp; &quot;c&quot;\\u{1b}");
        assert_eq!(tex("50 % of x_1 ~ \\a"), "50 \\% of x\\_1 $\\sim$ \\textbackslash{}a");
        assert_eq!(tex("|g| ≤ α β é日"), "$|$g$|$ $\\leq$ $\\alpha$ $\\beta$ é日");
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let names = ["Sgd", "Adam", "AdamW", "RmsProp"];
        assert_eq!(did_you_mean("Adm", names), Some("Adam"));
        assert_eq!(did_you_mean("adamw", names), Some("AdamW"));
        assert_eq!(did_you_mean("rmsprob", names), Some("RmsProp"));
        assert_eq!(did_you_mean("Newton", names), None);
    }
}
