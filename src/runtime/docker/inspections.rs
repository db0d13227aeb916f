//! Which containers are being looked at because of an event, so that observations reach the subscribers in order.
//!
//! Inspections of different containers run side by side (one can wait for the engine's lock on its container for
//! long). Of one container at most one runs: what happens meanwhile is kept, and looked at afterwards.

use std::collections::{BTreeMap, HashMap};

use crate::runtime::ContainerId;

/// What an event says about a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something changed; `ended` if what changed is that it ended.
    Changed {
        ended: bool,
    },
    Removed {
        labels: BTreeMap<String, String>,
    },
}

/// What is known of containers under inspection: what came after it began.
#[derive(Default)]
pub(super) struct Inspections {
    running: HashMap<ContainerId, Option<News>>,
}

impl Inspections {
    /// What to do about `news` now: the same, or nothing until the running inspection is over.
    pub(super) fn hear(&mut self, id: &ContainerId, news: News) -> Option<News> {
        match self.running.get_mut(id) {
            Some(later) => {
                // The last word counts: a container that ended and started again is looked at once.
                *later = Some(news);
                None
            }
            None => {
                if matches!(news, News::Changed { .. }) {
                    self.running.insert(id.clone(), None);
                }
                Some(news)
            }
        }
    }

    /// The inspection is over; what to do next about this container.
    pub(super) fn done(&mut self, id: &ContainerId) -> Option<News> {
        let later = self.running.remove(id).flatten()?;
        self.hear(id, later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGED: News = News::Changed { ended: false };
    const ENDED: News = News::Changed { ended: true };

    #[test]
    fn one_inspection_for_each_container_at_a_time() {
        let (a, b) = (ContainerId("a".into()), ContainerId("b".into()));
        let mut inspections = Inspections::default();
        assert_eq!(inspections.hear(&a, CHANGED), Some(CHANGED));
        assert_eq!(inspections.hear(&b, CHANGED), Some(CHANGED));
        assert_eq!(inspections.hear(&a, CHANGED), None);
        assert_eq!(inspections.hear(&a, ENDED), None);
        assert_eq!(inspections.done(&a), Some(ENDED), "looked at again for all that happened meanwhile");
        assert_eq!(inspections.done(&a), None);
        assert_eq!(inspections.done(&b), None);
        assert!(inspections.running.is_empty());
    }

    #[test]
    fn a_removal_waits_for_the_inspection_and_ends_it() {
        let a = ContainerId("a".into());
        let removed = News::Removed { labels: BTreeMap::new() };
        let mut inspections = Inspections::default();
        inspections.hear(&a, CHANGED);
        assert_eq!(inspections.hear(&a, removed.clone()), None);
        assert_eq!(inspections.done(&a), Some(removed));
        assert!(inspections.running.is_empty());
    }
}
