//! Which of the slots that fit comes next by the strategies, without looking at all of them for each task.
//!
//! A slot ranks by one number for each strategy, compared in their order, the smallest first. Those of `spread` over
//! an attribute are the same for all slots with the same value, and change for all of them together. So slots are
//! grouped by these values: within a group an ordered set has them by their other numbers, and one ordered set has the
//! first of each group by all numbers. A task that is placed moves one slot within its group, and the firsts of the
//! groups that share a value with it: the cost grows with the logarithm of the slots, and with the groups.

use std::collections::{BTreeSet, HashMap};

use super::slot::{Slot, attribute};
use super::{Requirements, Strategy};

/// A number for each strategy; the smaller, the sooner.
type Rank = Vec<i64>;

/// What a slot ranks by within its group: the numbers that are its own, of the strategies' different kinds in their order.
/// Small, and nowhere else in memory: the sets of these are what is searched for each task.
type OwnRank = [i32; 3];

pub(super) struct Ranking<'a> {
    /// Those before the first `random`: it leaves nothing to decide for what follows it.
    strategies: &'a [Strategy],
    /// The kinds of numbers in an [`OwnRank`].
    kinds: [Option<Kind>; 3],
    random: bool,
    /// The tasks of each value of an attribute, of slots that are full too: their zone has them.
    counts: Vec<i64>,
    /// For each value, the groups that share it.
    sharing: Vec<Vec<usize>>,
    groups: Vec<Group>,
    /// The group of each slot.
    group_of: Vec<usize>,
    /// The rank of each slot that fits, within its group.
    ranks: Vec<Option<OwnRank>>,
    /// The first of each group that has one: its whole rank, its slot, the group.
    firsts: BTreeSet<(Rank, usize, usize)>,
    /// All that fit, in the order of the candidates, where nothing ranks them: `random` alone.
    unranked: Option<Vec<usize>>,
}

/// The slots with the same values of the attributes that are spread over.
struct Group {
    /// For each strategy, the value whose count it ranks by.
    values: Vec<Option<usize>>,
    members: BTreeSet<(OwnRank, usize)>,
    /// As it stands among the firsts.
    first: Option<(Rank, usize)>,
}

/// What a number is that a slot has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cpu,
    Memory,
    Tasks,
}

impl Kind {
    /// `None` for a strategy that ranks by what a slot's group has.
    fn of(strategy: &Strategy) -> Option<Self> {
        match strategy {
            Strategy::BinpackCpu => Some(Self::Cpu),
            Strategy::BinpackMemory => Some(Self::Memory),
            Strategy::SpreadInstances => Some(Self::Tasks),
            Strategy::SpreadAttribute(_) | Strategy::Random => None,
        }
    }

    fn number(self, slot: &Slot<'_>) -> i32 {
        match self {
            Self::Cpu => slot.remaining.cpu,
            Self::Memory => slot.remaining.memory,
            Self::Tasks => i32::try_from(slot.group_tasks).unwrap_or(i32::MAX),
        }
    }
}

/// The kinds in the order in which the strategies name them first: again, they decide nothing.
fn kinds_of(strategies: &[Strategy]) -> [Option<Kind>; 3] {
    let mut kinds = [None; 3];
    for kind in strategies.iter().filter_map(Kind::of) {
        if let Some(place) = kinds.iter_mut().find(|known| known.is_none_or(|known| known == kind)) {
            *place = Some(kind);
        }
    }
    kinds
}

impl<'a> Ranking<'a> {
    pub(super) fn new(slots: &[Slot<'_>], requirements: &Requirements<'_>, strategies: &'a [Strategy]) -> Self {
        let ending = strategies.iter().position(|strategy| *strategy == Strategy::Random);
        let ranked = &strategies[..ending.unwrap_or(strategies.len())];
        let mut ranking = Self {
            strategies: ranked,
            kinds: kinds_of(ranked),
            random: ending.is_some(),
            counts: Vec::new(),
            sharing: Vec::new(),
            groups: Vec::new(),
            group_of: Vec::with_capacity(slots.len()),
            ranks: Vec::with_capacity(slots.len()),
            firsts: BTreeSet::new(),
            unranked: (ending == Some(0)).then(Vec::new),
        };
        let mut values: HashMap<(usize, Option<&str>), usize> = HashMap::new();
        let mut groups: HashMap<Vec<Option<usize>>, usize> = HashMap::new();
        for (index, slot) in slots.iter().enumerate() {
            let of_slot = ranked.iter().enumerate().map(|(place, strategy)| match strategy {
                Strategy::SpreadAttribute(name) => {
                    let next = values.len();
                    Some(*values.entry((place, attribute(slot.instance, name))).or_insert(next))
                }
                _ => None,
            });
            let of_slot: Vec<_> = of_slot.collect();
            ranking.counts.resize(values.len(), 0);
            ranking.sharing.resize(values.len(), Vec::new());
            for value in of_slot.iter().flatten() {
                ranking.counts[*value] += to_number(slot.group_tasks);
            }
            let group = *groups.entry(of_slot).or_insert_with_key(|values| {
                let group = ranking.groups.len();
                values.iter().flatten().for_each(|value| ranking.sharing[*value].push(group));
                ranking.groups.push(Group { values: values.clone(), members: BTreeSet::new(), first: None });
                group
            });
            ranking.group_of.push(group);
            ranking.ranks.push(None);
            if slot.refusal(requirements).is_none() {
                ranking.insert(index, slot);
            }
        }
        (0..ranking.groups.len()).for_each(|group| ranking.update_first(group));
        ranking
    }

    /// The slot the next task goes to; `None` when it fits nowhere. `random` gives a number below its argument.
    pub(super) fn best(&self, random: &mut dyn FnMut(u64) -> u64) -> Option<usize> {
        let mut choose = |equals: &[usize]| match u64::try_from(equals.len()) {
            Ok(many @ 2..) => {
                let chosen = usize::try_from(random(many)).unwrap_or(0);
                equals.get(chosen).or(equals.last()).copied()
            }
            _ => equals.first().copied(),
        };
        match &self.unranked {
            Some(unranked) => choose(unranked),
            None if self.random => choose(&self.equals()),
            None => self.firsts.first().map(|(_, slot, _)| *slot),
        }
    }

    /// All slots that rank as the first does, in the order of the candidates.
    fn equals(&self) -> Vec<usize> {
        let Some((best, ..)) = self.firsts.first() else { return Vec::new() };
        let mut equals = Vec::new();
        for (_, _, group) in self.firsts.iter().take_while(|(rank, ..)| rank == best) {
            let members = &self.groups[*group].members;
            let first = members.first().map(|(rank, _)| rank);
            equals.extend(members.iter().take_while(|(rank, _)| Some(rank) == first).map(|(_, slot)| *slot));
        }
        equals.sort_unstable();
        equals
    }

    /// Takes note that a task went to the slot, which is `slot` now.
    pub(super) fn placed(&mut self, index: usize, slot: &Slot<'_>, requirements: &Requirements<'_>) {
        self.remove(index);
        if slot.refusal(requirements).is_none() {
            self.insert(index, slot);
        }
        let group = self.group_of[index];
        let values: Vec<usize> = self.groups[group].values.iter().flatten().copied().collect();
        for value in &values {
            self.counts[*value] += 1;
        }
        self.update_first(group);
        for value in values {
            for other in 0..self.sharing[value].len() {
                let sharing = self.sharing[value][other];
                if sharing != group {
                    self.update_first(sharing);
                }
            }
        }
    }

    fn insert(&mut self, index: usize, slot: &Slot<'_>) {
        if let Some(unranked) = &mut self.unranked {
            let at = unranked.partition_point(|known| *known < index);
            unranked.insert(at, index);
            return;
        }
        let rank = self.kinds.map(|kind| kind.map_or(0, |kind| kind.number(slot)));
        self.groups[self.group_of[index]].members.insert((rank, index));
        self.ranks[index] = Some(rank);
    }

    fn remove(&mut self, index: usize) {
        if let Some(unranked) = &mut self.unranked {
            unranked.retain(|known| *known != index);
        } else if let Some(rank) = self.ranks[index].take() {
            self.groups[self.group_of[index]].members.remove(&(rank, index));
        }
    }

    /// Puts the group's first slot where it belongs among the firsts.
    fn update_first(&mut self, index: usize) {
        let group = &mut self.groups[index];
        if let Some((rank, slot)) = group.first.take() {
            self.firsts.remove(&(rank, slot, index));
        }
        let Some((rank, slot)) = group.members.first() else { return };
        let own = |strategy: &Strategy| {
            let place = self.kinds.iter().position(|kind| *kind == Kind::of(strategy));
            place.map_or(0, |place| i64::from(rank[place]))
        };
        let numbers = self.strategies.iter().zip(&group.values);
        let whole: Rank =
            numbers.map(|(strategy, value)| value.map_or_else(|| own(strategy), |value| self.counts[value])).collect();
        group.first = Some((whole.clone(), *slot));
        self.firsts.insert((whole, *slot, index));
    }
}

fn to_number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
