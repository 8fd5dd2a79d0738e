//! Messages as programs send them: JSON of about a kilobyte each, alike in their shape and never in their values.

/// An event of some service: what its keys and words repeat is what a compressor finds, the rest it cannot. It leaves
/// a third of such an event, and less when it has seen others. The same `number` makes the same event.
pub(crate) fn event(number: u64) -> Vec<u8> {
    let random = &mut Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d);
    let time = time(random);
    let order = 48_800_000 + number * 7 + random.below(7);
    let items: Vec<String> = (1..=9).map(|_| item(random)).collect();
    let event = [
        format!(
            r#"{{"event":"order.{}","createdAt":"{time}","#,
            random.pick(&["created", "updated", "paid"])
        ),
        format!(
            r#""order":{{"id":{order},"status":"{}","total":{},"currency":"EUR","#,
            random.pick(&["pending", "confirmed", "delivered"]),
            price(random),
        ),
        format!(
            r#""customer":{{"id":{},"name":"{} {}"}},"items":[{}]}}}}"#,
            random.below(100_000),
            random.pick(&["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Tony"]),
            random.pick(&["Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Perlman"]),
            items.join(","),
        ),
    ];
    event.concat().into_bytes()
}

fn item(random: &mut Random) -> String {
    format!(
        r#"{{"product":{},"title":"{}","quantity":{},"price":{},"discount":null,"available":{}}}"#,
        random.below(90) + 4700,
        random.pick(&["Desk lamp", "Notebook", "Keyboard", "Teapot", "Backpack", "Armchair"]),
        random.below(4) + 1,
        price(random),
        random.below(5) > 0,
    )
}

fn price(random: &mut Random) -> String {
    format!("{}.{}", random.below(190) + 9, random.pick(&["99", "95", "50", "00"]))
}

fn time(random: &mut Random) -> String {
    let (minute, second, millisecond) = (random.below(60), random.below(60), random.below(1000));
    format!("2026-11-22T17:{minute:02}:{second:02}.{millisecond:03}Z")
}

/// Numbers without a pattern that a compressor could see, the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn events_are_text_of_about_a_kilobyte() {
        for number in 0..256 {
            let event = event(number);
            assert!((970..1080).contains(&event.len()), "{} bytes", event.len());
            assert!(event.is_ascii() && event.starts_with(b"{\"event\"") && event.ends_with(b"}"));
        }
    }

    #[test]
    fn no_event_is_another_and_all_are_the_same_again() {
        let events: HashSet<_> = (0..256).map(event).collect();
        assert_eq!(events.len(), 256);
        assert!((0..256).all(|number| events.contains(&event(number))));
    }
}
