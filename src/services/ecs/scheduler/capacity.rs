//! How tasks are shared out to the capacity providers of a strategy: those of a call, and those that a service gains and
//! loses over its life.
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

/// How many of `count` more tasks each provider gets, when it has `present` ones: bases first, in the strategy's order,
/// then, one after the other, whichever is furthest behind its weight's part of all. However the tasks were spread
/// before, the numbers come to the weights' ratio. All weights 0: fewer than `count` are shared out.
#[must_use]
pub fn grow(shares: &[Share], present: &[usize], count: usize) -> Vec<usize> {
    let mut now = present.to_vec();
    for _ in 0..count {
        let lacks_base = (0..shares.len()).find(|&index| now[index] < shares[index].base);
        let weighted = (0..shares.len()).filter(|&index| shares[index].weight > 0);
        let Some(chosen) = lacks_base.or_else(|| {
            let all = beyond_bases(shares, &now) + 1;
            weighted.min_by_key(|&index| (lead(shares, &now, index, all), index))
        }) else {
            break;
        };
        now[chosen] += 1;
    }
    now.iter().zip(present).map(|(now, before)| now - before).collect()
}

/// From which providers `count` tasks are taken, of `stoppable` ones each: whichever is furthest ahead of its weight's
/// part; what a base asks for goes last. Fewer when there are not so many.
#[must_use]
pub fn shrink(shares: &[Share], present: &[usize], stoppable: &[usize], count: usize) -> Vec<usize> {
    let mut now = present.to_vec();
    let mut taken = vec![0; shares.len()];
    for _ in 0..count {
        let all = beyond_bases(shares, &now).saturating_sub(1);
        let possible = (0..shares.len()).filter(|&index| taken[index] < stoppable[index]);
        let order = |index: usize| (now[index] > shares[index].base, lead(shares, &now, index, all), index);
        let Some(chosen) = possible.max_by_key(|&index| order(index)) else { break };
        now[chosen] = now[chosen].saturating_sub(1);
        taken[chosen] += 1;
    }
    taken
}

/// The tasks that weights count for.
fn beyond_bases(shares: &[Share], now: &[usize]) -> usize {
    shares.iter().zip(now).map(|(share, now)| now.saturating_sub(share.base)).sum()
}

/// How far a provider is ahead of its part of `all`; in tasks, times the sum of the weights.
fn lead(shares: &[Share], now: &[usize], index: usize, all: usize) -> i128 {
    let total: usize = shares.iter().map(|share| share.weight).sum();
    let beyond = now[index].saturating_sub(shares[index].base);
    (beyond * total.max(1)) as i128 - (all * shares[index].weight) as i128
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

    #[test]
    fn a_service_grows_and_shrinks_by_its_strategy() {
        let strategy = shares(&[(1, 1), (0, 3)]);
        assert_eq!(grow(&strategy, &[0, 0], 9), [3, 6]);
        assert_eq!(grow(&strategy, &[3, 6], 4), [1, 3]);
        assert_eq!(shrink(&strategy, &[4, 9], &[4, 9], 4), [1, 3]);
        // The base goes last, and what can't be stopped stays.
        assert_eq!(shrink(&strategy, &[3, 6], &[3, 6], 8), [2, 6]);
        assert_eq!(shrink(&strategy, &[3, 6], &[3, 1], 3), [2, 1]);
        // A provider that was added later catches up.
        assert_eq!(grow(&shares(&[(0, 1), (0, 1)]), &[6, 0], 4), [0, 4]);
        assert_eq!(grow(&shares(&[(2, 0), (0, 0)]), &[0, 0], 4), [2, 0]);
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

        #[test]
        fn weights_converge_whatever_was_before(
            given in prop::collection::vec((0_usize..3, 0_usize..6, 0_usize..7), 1..5),
            less in 0_usize..20,
        ) {
            let shares: Vec<Share> = given.iter().map(|&(base, weight, _)| Share { base, weight }).collect();
            let present: Vec<usize> = given.iter().map(|&(_, _, present)| present).collect();
            let total: usize = shares.iter().map(|share| share.weight).sum();
            prop_assume!(total > 0);
            let count = (present.iter().sum::<usize>() + 10) * (total + 1);
            let more = grow(&shares, &present, count);
            prop_assert_eq!(more.iter().sum::<usize>(), count);
            let mut now: Vec<usize> = present.iter().zip(more).map(|(present, more)| present + more).collect();
            let in_ratio = |now: &[usize]| {
                let all = beyond_bases(&shares, now) as i128;
                let weighted = (0..shares.len()).filter(|&index| shares[index].weight > 0 || now[index] > 6);
                // Never further away than one task for each provider.
                weighted.clone().all(|index| {
                    let exact = all * shares[index].weight as i128;
                    let has = (now[index] - shares[index].base.min(now[index])) as i128 * total as i128;
                    (has - exact).abs() <= (total * (shares.len() + given.len() + 6)) as i128
                })
            };
            prop_assert!(in_ratio(&now), "{:?} of {:?}", now, shares);
            let fewer = shrink(&shares, &now, &now, less);
            now.iter_mut().zip(fewer).for_each(|(now, fewer)| *now -= fewer);
            prop_assert!(in_ratio(&now), "{:?} of {:?}", now, shares);
            for (now, share) in now.iter().zip(&shares) {
                prop_assert!(*now >= share.base, "bases stay while there are others");
            }
        }
    }
}
