//! Nothing that a file holds does more than be refused, and what is written is read back.

use super::{Heads, Objects, Register, always, read_in_blocks};
use checker::format::edn::{Edn, Forms};
use checker::format::{Format, Header, Written};
use proptest::prelude::*;
use std::fmt::Debug;

const SEEDS: [(Format, &str); 5] = [
    (
        Format::Jsonl,
        "{\"format\":\"unforked-history/1\",\"spec\":\"head\"}\n\
         {\"client\":3,\"f\":\"cas\",\"key\":\"r\\u00e9\",\"from\":4,\
         \"call\":17,\"return\":21,\"ret\":true}\n\
         {\"client\":0,\"f\":\"read\",\"key\":\"é\",\"call\":18,\"return\":19,\"ret\":{\"head\":5}}\n\
         {\"client\":1,\"f\":\"list\",\"call\":18,\"return\":19,\
         \"ret\":{\"keys\":[\"a\"],\"truncated\":null}}\n",
    ),
    (
        Format::Jsonl,
        "{\"e\":\"call\",\"id\":7,\"client\":1,\"f\":\"cas\",\"from\":0,\"to\":-1.5e3,\"at\":10}\n\
         {\"e\":\"return\",\"id\":7,\"ret\":false,\"at\":12}\n",
    ),
    (
        Format::Edn,
        "{:process 0, :type :invoke, :f :write, :value [7 3], :index 0}\n\
         #jepsen.history.Op{:process 0, :type :ok, :f :write, :value [7 3], :index 1}\n",
    ),
    (
        Format::Edn,
        "[{:process 0 :type :invoke :f :read :value nil} #_(1 #{2}) ; no\n\
         {:process 0 :type :ok :f :read :value \"a\\n\\u00e9\" :x [\\newline 1.5M ##Inf -7N]}]\n",
    ),
    (
        Format::Porcupine,
        "INFO  jepsen.util - 4\t:invoke\t:cas\t[1 2]\nINFO  jepsen.util - 4\t:fail\t:cas\t[1 2]\n",
    ),
];

/// One change to some bytes.
#[derive(Clone, Debug)]
enum Change {
    Delete(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Replace(prop::sample::Index, u8),
    Repeat(prop::sample::Index, usize),
}

fn any_change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "(",
        "\"",
        "\\",
        "\\u",
        "\\ud83d\\ude00",
        ":",
        ",",
        "#",
        "#_",
        "#{",
        "\n",
        "\r\n",
        "\0",
        "é",
        "null",
        "-",
        "0",
        "99999999999999999999",
        "1e999",
        ";",
        "##NaN",
    ]);
    prop_oneof![
        (at(), 1..9_usize).prop_map(|(at, count)| Change::Delete(at, count)),
        (at(), words).prop_map(|(at, word)| Change::Insert(at, word.as_bytes().to_vec())),
        (at(), prop::collection::vec(any::<u8>(), 1..4))
            .prop_map(|(at, it)| Change::Insert(at, it)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (at(), 1..40_usize).prop_map(|(at, count)| Change::Repeat(at, count)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for change in changes {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        match change {
            Change::Delete(at, count) => {
                let at = at.index(length);
                drop(bytes.drain(at..(at + count).min(length)));
            }
            Change::Insert(at, more) => {
                let at = at.index(length);
                drop(bytes.splice(at..at, more.iter().copied()));
            }
            Change::Replace(at, byte) => bytes[at.index(length)] = *byte,
            Change::Repeat(at, count) => {
                let at = at.index(length);
                let more = bytes[at..(at + count).min(length)].to_vec();
                drop(bytes.splice(at..at, more));
            }
        }
    }
    bytes
}

/// The same, whether it comes at once or in pieces.
fn is_read_anyhow<S>(format: Format, bytes: &[u8], cuts: &[usize]) -> Result<(), TestCaseError>
where
    S: Written<Op: PartialEq + Debug, Ret: PartialEq + Debug>,
{
    let whole = read_in_blocks::<S>(format, bytes, &[]);
    let pieces = read_in_blocks::<S>(format, bytes, cuts);
    prop_assert_eq!(&whole, &pieces);
    if let Err(error) = whole {
        prop_assert!(!error.expected.is_empty() && !error.found.is_empty(), "{error}");
    }
    Ok(())
}

#[test]
fn changed_bytes_are_read_or_refused_and_never_more() {
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let changes = prop::collection::vec(any_change(), 0..6);
    always(4000, (0..SEEDS.len(), changes, cuts), |(seed, changes, cuts)| {
        let (format, text) = SEEDS[seed];
        let bytes = changed(text, &changes);
        let mut cuts: Vec<usize> = cuts.iter().map(|it| it.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let _ = (Format::detect(&bytes), Header::of(&bytes));
        for format in [format, Format::Jsonl, Format::Edn, Format::Porcupine] {
            is_read_anyhow::<Heads>(format, &bytes, &cuts)?;
            is_read_anyhow::<Register>(format, &bytes, &cuts)?;
            is_read_anyhow::<Objects>(format, &bytes, &cuts)?;
        }
        Ok(())
    });
}

#[test]
fn brackets_in_brackets_are_refused_before_the_stack_is() {
    for (format, open) in [
        (Format::Jsonl, "{\"a\":"),
        (Format::Jsonl, "{\"a\":["),
        (Format::Edn, "[{"),
        (Format::Edn, "#_"),
    ] {
        let text = open.repeat(100_000);
        assert!(read_in_blocks::<Heads>(format, text.as_bytes(), &[]).is_err(), "{open}");
    }
}

const WORDS: [&str; 7] = ["a", "a/b", "jepsen.x", "+", "-", "ok?", "é"];

fn any_edn() -> impl Strategy<Value = Edn<'static>> {
    let words = || prop::sample::select(WORDS.to_vec());
    let exact = prop::sample::select(vec!["99999999999999999999", "99999999999999999999N", "1.5M"]);
    let leaf = prop_oneof![
        Just(Edn::Nil),
        any::<bool>().prop_map(Edn::Bool),
        any::<i64>().prop_map(Edn::Int),
        any::<f64>().prop_filter("equal to itself", |it| !it.is_nan()).prop_map(Edn::Float),
        any::<char>().prop_filter("no half", |it| u32::from(*it) > 0x20).prop_map(Edn::Char),
        prop::sample::select(vec!['\n', ' ', '\t', '"', '\\', ']']).prop_map(Edn::Char),
        ".{0,8}".prop_map(|it| Edn::Text(it.into())),
        "[\"\\\\\n\t]{0,4}".prop_map(|it| Edn::Text(it.into())),
        words().prop_map(Edn::Symbol),
        words().prop_map(Edn::Keyword),
        exact.prop_map(Edn::Exact),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let several = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            several().prop_map(Edn::List),
            several().prop_map(Edn::Vector),
            several().prop_map(Edn::Set),
            prop::collection::vec((inner.clone(), inner.clone()), 0..3).prop_map(Edn::Map),
            inner.clone().prop_map(|it| Edn::Tagged("t/x", Box::new(it))),
        ]
    })
}

#[test]
fn a_form_comes_back_as_it_was_written() {
    always(3000, any_edn(), |form| {
        let text = form.to_string();
        let mut forms = Forms::new(&text);
        prop_assert_eq!(forms.next_form(), Ok(Some(form)), "{}", text);
        prop_assert_eq!(forms.next_form(), Ok(None), "{}", text);
        Ok(())
    });
}
