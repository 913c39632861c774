//! An axis: how numbers lie on it, where its ticks are, and how they are written.
//!
//! A tick is there to be read, so it is round: in tens, on a clock, or by its magnitude.

/// Ticks of an axis, about.
const TICKS: f64 = 6.0;

/// How numbers lie on an axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scale {
    /// Evenly, from zero or below.
    Linear,
    /// By their magnitude; what is not above zero is left out.
    Log,
    /// Evenly; they are seconds, and shown as a clock would.
    Clock,
}

/// One of the two axes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Axis {
    /// What its numbers are: `MB`, `%`, `states`; nothing for a clock.
    pub(crate) unit: &'static str,
    /// How they lie.
    pub(crate) scale: Scale,
}

/// Where an axis begins and ends.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) scale: Scale,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Range {
    /// All of `values`, and zero where it belongs. None if there is no value.
    pub(super) fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Range> {
        let (low, high) = values
            .filter(|it| it.is_finite() && (scale != Scale::Log || *it > 0.0))
            .fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)));
        if low > high {
            return None;
        }
        Some(match scale {
            Scale::Log => Range { scale, low, high: if high > low { high } else { low * 10.0 } },
            _ => {
                let low = low.min(0.0);
                Range { scale, low, high: if high > low { high } else { low + 1.0 } }
            }
        })
    }

    /// A little further, to the next tick.
    pub(super) fn rounded(self) -> Range {
        if self.scale == Scale::Log {
            return self;
        }
        let step = step(self.high - self.low, self.scale);
        let low = (self.low / step).floor() * step;
        Range { low, high: (self.high / step).ceil() * step, ..self }
    }

    /// How far along the axis `value` is, from 0 to 1.
    pub(super) fn share(self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
            _ => (value - self.low) / (self.high - self.low),
        };
        share.clamp(0.0, 1.0)
    }

    pub(super) fn ticks(self) -> Vec<f64> {
        if self.scale == Scale::Log {
            return magnitudes(self.low, self.high);
        }
        let step = step(self.high - self.low, self.scale);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|it| it as f64 * step).collect()
    }
}

/// The distance of two ticks: round on a scale of ten, or on a clock.
fn step(span: f64, scale: Scale) -> f64 {
    const CLOCK: [f64; 18] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
        14400.0, 21600.0, 43200.0, 86400.0,
    ];
    let rough = span / TICKS;
    if scale == Scale::Clock {
        if let Some(step) = CLOCK.into_iter().find(|it| *it >= rough) {
            return step;
        }
        return 86400.0 * step(span / 86400.0, Scale::Linear).max(1.0);
    }
    let ten = 10f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|it| it * ten >= rough * 0.999);
    round.unwrap_or(10.0) * ten
}

/// Powers of ten between two numbers; with their halves and fifths if that is few.
fn magnitudes(low: f64, high: f64) -> Vec<f64> {
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let within = |it: &f64| *it >= low * 0.999 && *it <= high * 1.001;
    let parts = |parts: &'static [f64]| {
        let of = move |it: i32| parts.iter().map(move |part| part * 10f64.powi(it));
        decades.clone().flat_map(of).filter(within).collect::<Vec<f64>>()
    };
    let tens = parts(&[1.0]);
    if tens.len() >= 4 { tens } else { parts(&[1.0, 2.0, 5.0]) }
}

/// A number as short as it can be read: `0.25`, `1500`, `20 k`, `1.9 M`.
fn amount(value: f64) -> String {
    let size = value.abs();
    let (value, unit) = match size {
        1e9.. => (value / 1e9, " G"),
        1e6.. => (value / 1e6, " M"),
        1e4.. => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let number = format!("{value:.digits$}");
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => &number,
    };
    format!("{number}{unit}")
}

/// Seconds as a clock would have them: `30 s`, `5 min`, `2 h`, `3 d`.
fn clock(seconds: f64) -> String {
    let whole = seconds.round() as i64;
    match whole {
        0 => "0".to_owned(),
        it if it % 86400 == 0 => format!("{} d", it / 86400),
        it if it % 3600 == 0 => format!("{} h", it / 3600),
        it if it % 60 == 0 => format!("{} min", it / 60),
        it => format!("{it} s"),
    }
}

impl Axis {
    /// A value with its unit.
    pub(super) fn value(self, value: f64) -> String {
        match self.scale {
            Scale::Clock => clock(value),
            _ => format!("{} {}", amount(value), self.unit).trim_end().to_owned(),
        }
    }

    /// What stands at a tick.
    pub(super) fn tick(self, value: f64) -> String {
        match self.scale {
            Scale::Clock => clock(value),
            _ => amount(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_wherever_the_numbers_lie() {
        let ticks = |scale, low, high| {
            let axis = Axis { unit: "", scale };
            let ticks = Range { scale, low, high }.ticks();
            ticks.iter().map(|it| axis.value(*it)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ticks(Scale::Linear, 0.0, 1.9), "0 0.5 1 1.5");
        assert_eq!(ticks(Scale::Linear, 0.0, 130_000.0), "0 25 k 50 k 75 k 100 k 125 k");
        assert_eq!(ticks(Scale::Linear, -2.0, 3.0), "-2 -1 0 1 2 3");
        assert_eq!(ticks(Scale::Clock, 0.0, 80.0), "0 15 s 30 s 45 s 1 min 75 s");
        assert_eq!(ticks(Scale::Clock, 0.0, 36_000.0), "0 2 h 4 h 6 h 8 h 10 h");
        assert_eq!(ticks(Scale::Clock, 0.0, 20.0 * 86_400.0), "0 5 d 10 d 15 d 20 d");
        assert_eq!(ticks(Scale::Log, 10.0, 5000.0), "10 20 50 100 200 500 1000 2000 5000");
        assert_eq!(ticks(Scale::Log, 1.0, 1e6), "1 10 100 1000 10 k 100 k 1 M");
    }
}
