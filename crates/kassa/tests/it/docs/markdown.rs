//! The documentation as text: its blocks, its comments for this test, and what is written back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a comment for this test begins with.
const COMMENT: &str = "<!-- test: ";

/// One file.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) path: PathBuf,
    lines: Vec<String>,
    /// What is to stand between two fences instead: by the line of the first.
    changes: BTreeMap<usize, (usize, Vec<String>)>,
}

/// What happens, in order.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// Something that is no call of the API, and the line where it is told.
    Told(usize, String),
    /// What is sent, or what is answered.
    Block(Block),
}

/// A fenced block of `http` or `json`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The line of its first fence, counted from 0.
    pub(super) line: usize,
    pub(super) language: String,
    pub(super) lines: Vec<String>,
}

/// A message of HTTP as it is written in a block.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// A method, or the version of an answer.
    pub(super) method: String,
    /// A path with its query, or a status.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Document {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().map(str::to_owned).collect();
        Self { path: path.to_owned(), lines, changes: BTreeMap::new() }
    }

    /// Comments and blocks, from the top.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut open: Option<Block> = None;
        for (number, line) in self.lines.iter().enumerate() {
            match (open.take(), line.strip_prefix("```")) {
                (None, Some(language)) => {
                    open = Some(Block { line: number, language: language.to_owned(), lines: Vec::new() });
                }
                (Some(mut block), None) => {
                    block.lines.push(line.clone());
                    open = Some(block);
                }
                (Some(block), Some(_)) => {
                    if matches!(block.language.as_str(), "http" | "json") {
                        items.push(Item::Block(block));
                    }
                }
                (None, None) => {
                    if let Some(told) = line.strip_prefix(COMMENT) {
                        let told = told.strip_suffix(" -->").unwrap_or_else(|| panic!("{line}"));
                        items.push(Item::Told(number, told.to_owned()));
                    } else {
                        assert!(
                            !line.contains("<!-- test"),
                            "{} is no comment for this test",
                            self.place(number)
                        );
                    }
                }
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.path.display());
        items
    }

    /// Every request that this file makes.
    pub(super) fn requests(&self) -> Vec<Message> {
        let blocks = self.items().into_iter().filter_map(|item| match item {
            Item::Block(block) if block.language == "http" => Some(block.message()),
            Item::Block(_) | Item::Told(..) => None,
        });
        blocks.filter(|message| message.target.starts_with("/v1/")).collect()
    }

    /// Where a line is, for people.
    pub(super) fn place(&self, line: usize) -> String {
        format!("docs/api/{}:{}", self.path.file_name().unwrap().to_str().unwrap(), line + 1)
    }

    /// Replaces what is in a block.
    pub(super) fn change(&mut self, block: &Block, text: &str) {
        let lines = text.lines().map(str::to_owned).collect();
        self.changes.insert(block.line, (block.lines.len(), lines));
    }

    pub(super) fn write(mut self) {
        if self.changes.is_empty() {
            return;
        }
        for (line, (count, new)) in std::mem::take(&mut self.changes).into_iter().rev() {
            self.lines.splice(line + 1..=line + count, new);
        }
        std::fs::write(&self.path, self.lines.join("\n") + "\n").unwrap();
    }
}

impl Block {
    /// The block as a message. One of `json` is the body of a 200.
    pub(super) fn message(&self) -> Message {
        if self.language == "json" {
            let (method, target) = ("HTTP/1.1".to_owned(), "200".to_owned());
            return Message { method, target, headers: Vec::new(), body: self.lines.join("\n") };
        }
        let mut lines = self.lines.iter();
        let first = lines.next().expect("a message has a first line");
        let mut words = first.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, target) = (word(), word());
        let headers = lines.by_ref().take_while(|line| !line.is_empty());
        let headers = headers.map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line}"));
            (name.to_owned(), value.to_owned())
        });
        let headers = headers.collect();
        Message { method, target, headers, body: lines.cloned().collect::<Vec<_>>().join("\n") }
    }
}

impl Message {
    pub(super) fn is_answer(&self) -> bool {
        self.method.starts_with("HTTP/")
    }

    /// The target without its query.
    pub(super) fn path(&self) -> String {
        self.target.split('?').next().unwrap_or_default().to_owned()
    }
}

/// What a page's headings can be linked by.
pub(super) fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let mut headings = Vec::new();
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        if !is_code && line.starts_with('#') {
            headings.push(line.trim_start_matches('#').trim().to_lowercase());
        }
    }
    let anchor = |heading: String| {
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.into_iter().map(anchor).collect()
}
