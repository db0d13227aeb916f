//! Failures that wait for a call to happen to.

/// Calls about some images that are to fail: the next few, or all.
#[derive(Debug, Default)]
pub(super) struct Planned {
    faults: Vec<PlannedFault>,
}

#[derive(Debug)]
struct PlannedFault {
    /// Part of the names of the images it concerns.
    image: String,
    message: Option<String>,
    /// How often it happens yet; `None` for always.
    left: Option<u32>,
}

impl Planned {
    pub(super) fn plan(&mut self, image: String, message: Option<String>, times: Option<u32>) {
        if times != Some(0) {
            self.faults.push(PlannedFault { image, message, left: times });
        }
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    /// Whether the next call about `image` fails.
    pub(super) fn awaits(&self, image: &str) -> bool {
        self.faults.iter().any(|fault| image.contains(&fault.image))
    }

    /// Takes the failure that happens to a call about `image` and returns its message, `default` when none was
    /// given. The oldest fault happens first.
    pub(super) fn take(&mut self, image: &str, default: &str) -> Option<String> {
        let place = self.faults.iter().position(|fault| image.contains(&fault.image))?;
        let fault = &mut self.faults[place];
        let message = fault.message.clone().unwrap_or_else(|| default.to_owned());
        if let Some(left) = &mut fault.left {
            *left -= 1;
            if *left == 0 {
                self.faults.remove(place);
            }
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_as_often_as_it_was_told() {
        let mut planned = Planned::default();
        planned.plan("web".into(), None, Some(2));
        planned.plan("app".into(), Some("gone".into()), None);
        planned.plan("none".into(), None, Some(0));
        assert!(planned.awaits("my/web:1") && !planned.awaits("none"));
        assert_eq!(planned.take("my/web:1", "default").as_deref(), Some("default"));
        assert_eq!(planned.take("my/web:1", "default").as_deref(), Some("default"));
        assert_eq!(planned.take("my/web:1", "default"), None);
        for _ in 0..3 {
            assert_eq!(planned.take("app", "default").as_deref(), Some("gone"));
        }
        planned.clear();
        assert!(!planned.awaits("app"));
    }
}
