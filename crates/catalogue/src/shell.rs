//! A line for a POSIX shell, taken apart into the programs that it runs.
//!
//! Enough of the language for commands that people paste: quoting, lists, pipes, redirections,
//! `$(…)`, loops, and programs that run another (`sudo`, `timeout`, `sh -c`). Not here: expanding
//! anything, and here-documents.

use std::collections::VecDeque;

/// One program with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The program and its arguments, without quotes. `$()` stands for the output of another.
    pub words: Vec<String>,
    /// Files that its output is sent to.
    pub writes: Vec<String>,
}

/// `$(…)` in `$(…)` is followed this far.
const DEPTH: usize = 8;

/// What stands for the output of another command in a word.
const OUTPUT: &str = "$()";

/// Words that begin or end a compound command; what follows is a command again.
const KEYWORDS: [&str; 14] = [
    "!", "{", "}", "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac",
    "time",
];

/// The programs that a line runs, in the order in which they stand; those inside `$(…)` or
/// `sh -c` come after the line's own.
pub fn runs(line: &str) -> Vec<Run> {
    let mut found = Vec::new();
    let mut open = VecDeque::from([(line.to_owned(), 0)]);
    while let Some((text, depth)) = open.pop_front() {
        let mut reader = Reader::new(&text);
        reader.read();
        let inner = reader.inner;
        for mut run in reader.runs {
            if let Some(script) = unwrap(&mut run.words)
                && depth < DEPTH
            {
                open.push_back((script, depth + 1));
            }
            if !run.words.is_empty() || !run.writes.is_empty() {
                found.push(run);
            }
        }
        if depth < DEPTH {
            open.extend(inner.into_iter().map(|text| (text, depth + 1)));
        }
    }
    found
}

/// Takes off what only runs another program; the text of `sh -c TEXT` is returned.
fn unwrap(words: &mut Vec<String>) -> Option<String> {
    loop {
        let skip = match words.first().map(String::as_str)? {
            "for" | "case" => {
                words.clear();
                return None;
            }
            word if KEYWORDS.contains(&word) => 1,
            word if is_assignment(word) => 1,
            "sudo" => 1 + options(&words[1..], &["-u", "-g"]),
            "nohup" | "exec" => 1,
            "timeout" => 2 + options(&words[1..], &["-s", "-k"]),
            "env" => {
                let rest = 1 + options(&words[1..], &["-u", "-C"]);
                let set = words[rest.min(words.len())..]
                    .iter()
                    .take_while(|w| is_assignment(w));
                let skip = rest + set.count();
                // By itself it prints the environment.
                if skip >= words.len() {
                    return None;
                }
                skip
            }
            "xargs" => 1 + options(&words[1..], &["-n", "-I", "-P", "-L"]),
            "sh" | "bash" if words.get(1).is_some_and(|w| w == "-c") => {
                let script = words.get(2).cloned();
                words.clear();
                return script;
            }
            _ => return None,
        };
        words.drain(..skip.min(words.len()));
    }
}

/// How many words options take; those of `valued` have a word of their own behind them.
fn options(words: &[String], valued: &[&str]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|w| w.starts_with('-')) {
        at += 1 + usize::from(valued.contains(&word.as_str()));
    }
    at
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    word: Option<String>,
    run: Run,
    /// The next word is the target of a redirection; whether it is written.
    target: Option<bool>,
    runs: Vec<Run>,
    /// Texts of `$(…)`.
    inner: Vec<String>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            word: None,
            run: Run::default(),
            target: None,
            runs: Vec::new(),
            inner: Vec::new(),
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn read(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            let start = self.at;
            self.at += c.len_utf8();
            match c {
                '\'' => self.single(),
                '"' => self.double(),
                '\\' => self.escaped(),
                '$' if self.rest().starts_with('(') => self.substitution(),
                '#' if self.word.is_none() => {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                ' ' | '\t' | '\r' => self.end_word(),
                '>' | '<' => self.redirection(c, start),
                // `>&2` and `&>` are read where they begin.
                '&' if self.rest().starts_with('>') => self.end_word(),
                ';' | '\n' | '|' | '&' | '(' | ')' => self.end_run(),
                _ => self.push(c),
            }
        }
        self.end_run();
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn single(&mut self) {
        let rest = self.rest();
        let end = rest.find('\'').unwrap_or(rest.len());
        self.word.get_or_insert_default().push_str(&rest[..end]);
        self.at += (end + 1).min(rest.len());
    }

    fn double(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            match c {
                '"' => return,
                '\\' => {
                    let next = self.rest().chars().next();
                    match next {
                        Some('\n') => self.at += 1,
                        Some(n @ ('"' | '\\' | '$' | '`')) => {
                            self.at += 1;
                            self.push(n);
                        }
                        _ => self.push('\\'),
                    }
                }
                '$' if self.rest().starts_with('(') => self.substitution(),
                _ => self.push(c),
            }
        }
    }

    fn escaped(&mut self) {
        let Some(c) = self.rest().chars().next() else {
            return;
        };
        self.at += c.len_utf8();
        // A line goes on behind it.
        if c != '\n' {
            self.push(c);
        }
    }

    /// `$(…)`, with its quotes; `$((…))` is arithmetic and runs nothing.
    fn substitution(&mut self) {
        let rest = self.rest();
        let arithmetic = rest.starts_with("((");
        let mut within = Vec::new();
        let mut end = rest.len();
        let mut skip = false;
        for (at, c) in rest.char_indices() {
            let top = within.last().copied();
            match (c, top) {
                _ if skip => skip = false,
                ('\'', Some('\'')) | ('"', Some('"')) => drop(within.pop()),
                (_, Some('\'')) => {}
                ('\\', _) => skip = true,
                ('"', _) => within.push('"'),
                ('\'', Some('(')) => within.push('\''),
                ('(', Some('(') | None) => within.push('('),
                // Inside quotes only `$(` opens.
                ('(', Some('"')) if rest[..at].ends_with('$') => within.push('('),
                (')', Some('(')) => {
                    within.pop();
                    if within.is_empty() {
                        end = at;
                        break;
                    }
                }
                _ => {}
            }
        }
        if !arithmetic {
            self.inner
                .push(rest.get(1..end).unwrap_or_default().to_owned());
        }
        self.word.get_or_insert_default().push_str(OUTPUT);
        self.at += (end + 1).min(rest.len());
    }

    fn redirection(&mut self, c: char, start: usize) {
        // `2>file`: the number belongs to the redirection.
        let number = self
            .word
            .as_deref()
            .is_some_and(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_digit()));
        let glued = start > 0 && !self.text[..start].ends_with([' ', '\t']);
        if number && glued {
            self.word = None;
        }
        self.end_word();
        while let Some(next @ ('>' | '<' | '|')) = self.rest().chars().next() {
            self.at += next.len_utf8();
        }
        if self.rest().starts_with('&') {
            // `2>&1` sends it to what is open already.
            self.at += 1;
            self.at += self
                .rest()
                .find(|c: char| !c.is_ascii_digit() && c != '-')
                .unwrap_or(self.rest().len());
            return;
        }
        self.target = Some(c == '>');
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else {
            return;
        };
        match self.target.take() {
            Some(true) => self.run.writes.push(word),
            Some(false) => {}
            None => self.run.words.push(word),
        }
    }

    fn end_run(&mut self) {
        self.end_word();
        self.target = None;
        let run = std::mem::take(&mut self.run);
        if run != Run::default() {
            self.runs.push(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        runs(line).iter().map(|r| r.words.join(" ")).collect()
    }

    #[test]
    fn every_program_of_a_line_is_found() {
        for (line, expected) in [
            ("docker pull x", vec!["docker pull x"]),
            (
                "sudo -u bob docker pull 'a b' | tail",
                vec!["docker pull a b", "tail"],
            ),
            (
                "A=1 B=\"$(id -u)\" crane ls \"x y\"",
                vec!["crane ls x y", "id -u"],
            ),
            (
                "PASSWORD=\"$(az x --query 'a[0]' -o tsv)\"",
                vec!["az x --query a[0] -o tsv"],
            ),
            (
                "until docker info >/dev/null 2>&1; do sleep 2; done",
                vec!["docker info", "sleep 2"],
            ),
            (
                "timeout 60 sh -c 'docker info && id'",
                vec!["docker info", "id"],
            ),
            (
                "for ip in $(az a | tr ',' ' '); do az b --ip \"$ip\"; done",
                vec!["az b --ip $ip", "az a", "tr ,  "],
            ),
            (
                "N=$(az a) && az b -n $((${N:?} - 1))",
                vec!["az b -n $()", "az a"],
            ),
            (
                "ip route get \"$(getent ahosts h | awk '{print $1; exit}')\"",
                vec![
                    "ip route get $()",
                    "getent ahosts h",
                    "awk {print $1; exit}",
                ],
            ),
            ("env -u X podman pull i", vec!["podman pull i"]),
            ("env | grep -i _proxy", vec!["env", "grep -i _proxy"]),
            (
                "find / \\( -uid +1 \\) -ls # all",
                vec!["find / ( -uid +1 ) -ls"],
            ),
            ("a \\\n  b", vec!["a b"]),
            (
                "curl -w \"%{code}\\n\" u </dev/null",
                vec!["curl -w %{code}\\n u"],
            ),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn files_that_are_written_are_named() {
        let writes = |line: &str| {
            runs(line)
                .into_iter()
                .flat_map(|r| r.writes)
                .collect::<Vec<_>>()
        };
        assert_eq!(writes("a > x 2>> y < z"), ["x", "y"]);
        assert_eq!(writes("a > \"$DIR/b\" 2>&1"), ["$DIR/b"]);
        assert_eq!(writes("a 2>&1 | b"), [""; 0]);
    }

    #[test]
    fn hostile_lines_end() {
        for line in [
            "$(".repeat(5000),
            "\"$(\"".repeat(3000),
            "'\\\"$((".repeat(2000),
        ] {
            let _ = runs(&line);
        }
    }
}
