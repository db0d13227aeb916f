//! How the tasks of a call are shared out to the capacity providers of a strategy.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/capacity-provider-strategies.html>

/// One provider's part in a strategy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Tasks that go here before any weight counts.
    pub base: usize,
    /// Relative to the other providers' weights, what it gets of the rest.
    pub weight: usize,
}

/// How many of `count` tasks each provider gets: bases first, in the strategy's order, then by weight. What weights
/// do not divide evenly goes to the largest fractions, of equal ones to the first. All weights 0: only the bases are
/// filled, and fewer than `count` are shared out.
#[must_use]
pub fn distribute(shares: &[Share], count: usize) -> Vec<usize> {
    let mut left = count;
    let mut given: Vec<usize> = shares
        .iter()
        .map(|share| {
            let base = share.base.min(left);
            left -= base;
            base
        })
        .collect();
    let total: usize = shares.iter().map(|share| share.weight).sum();
    if total == 0 || left == 0 {
        return given;
    }
    let rest = left;
    for (given, share) in given.iter_mut().zip(shares) {
        let whole = rest * share.weight / total;
        *given += whole;
        left -= whole;
    }
    let mut by_fraction: Vec<usize> = (0..shares.len()).collect();
    by_fraction.sort_by_key(|index| std::cmp::Reverse(rest * shares[*index].weight % total));
    for index in by_fraction.into_iter().take(left) {
        given[index] += 1;
    }
    given
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(given: &[(usize, usize)]) -> Vec<Share> {
        given.iter().map(|&(base, weight)| Share { base, weight }).collect()
    }

    #[test]
    fn awss_examples() {
        /// (base, weight) of each provider, tasks, and what each gets.
        type Case = (&'static [(usize, usize)], usize, &'static [usize]);
        let cases: &[Case] = &[
            (&[(0, 1)], 7, &[7]),
            (&[(0, 1), (0, 1)], 4, &[2, 2]),
            (&[(0, 1), (0, 4)], 10, &[2, 8]),
            (&[(2, 1), (0, 3)], 10, &[4, 6]),
            (&[(5, 0), (0, 1)], 3, &[3, 0]),
            (&[(0, 1), (0, 1)], 1, &[1, 0]),
            (&[(0, 1), (0, 4)], 1, &[0, 1]),
            (&[(1, 0), (0, 0)], 3, &[1, 0]),
        ];
        for (given, count, expected) in cases {
            assert_eq!(distribute(&shares(given), *count), *expected, "{given:?} {count}");
        }
    }

    proptest! {
        #[test]
        fn bases_come_first_and_the_rest_is_proportional(
            given in prop::collection::vec((0_usize..4, 0_usize..10), 1..6),
            count in 0_usize..50,
        ) {
            let shares = shares(&given);
            let got = distribute(&shares, count);
            let (bases, total): (usize, usize) =
                (shares.iter().map(|share| share.base).sum(), shares.iter().map(|share| share.weight).sum());
            let expected = if total == 0 { count.min(bases) } else { count };
            prop_assert_eq!(got.iter().sum::<usize>(), expected);
            let rest = count.saturating_sub(bases);
            if rest > 0 && total > 0 {
                for (got, share) in got.iter().zip(&shares) {
                    prop_assert!(*got >= share.base);
                    // Never a whole task away from the exact share.
                    prop_assert!((got - share.base) * total < rest * share.weight + total);
                    prop_assert!((got - share.base + 1) * total > rest * share.weight);
                }
            }
        }
    }
}
