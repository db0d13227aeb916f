//! Which launch types a definition suits, asked for or not: `compatibilities`.

use api_models::ecs::{Compatibility, NetworkMode, RegisterTaskDefinitionRequest};
use serde::{Deserialize, Serialize};

use super::validation;
use crate::identity::Scope;

/// A set of launch types, small enough to stand in every revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Compatibilities(u8);

/// In the order in which ECS answers them; the place of each is its bit.
const ALL: [Compatibility; 4] =
    [Compatibility::External, Compatibility::Ec2, Compatibility::ManagedInstances, Compatibility::Fargate];

impl Compatibilities {
    /// What a valid request's tasks can run on.
    #[must_use]
    pub fn of(input: &RegisterTaskDefinitionRequest, scope: &Scope) -> Self {
        let awsvpc = input.network_mode == Some(NetworkMode::Awsvpc);
        let efs = input.volumes.iter().flatten().any(|volume| volume.efs_volume_configuration.is_some());
        let windows = validation::is_windows(input);
        let suits = [
            !awsvpc && !efs && !windows,
            // Only Fargate has storage of a chosen size.
            input.ephemeral_storage.is_none(),
            awsvpc && !windows,
            validation::fits_fargate(input, scope),
        ];
        Self(suits.into_iter().enumerate().fold(0, |set, (bit, suits)| set | (u8::from(suits) << bit)))
    }

    /// This one alone.
    #[must_use]
    pub fn only(one: &Compatibility) -> Self {
        Self(ALL.iter().enumerate().fold(0, |set, (bit, it)| set | (u8::from(it == one) << bit)))
    }

    /// Whether tasks can run there.
    #[must_use]
    pub fn contains(self, compatibility: &Compatibility) -> bool {
        self.iter().any(|one| one == *compatibility)
    }

    /// In the order in which ECS answers them.
    pub fn iter(self) -> impl Iterator<Item = Compatibility> {
        ALL.into_iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, one)| one)
    }
}
