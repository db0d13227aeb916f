//! How long calls may take: those of the ECS agent, which gives its DockerTimeoutError after them
//! (`dockerclient/timeouts.go` of amazon-ecs-agent), except where this engine is the user's own and nearer.

use std::time::Duration;

/// Finding out whether an engine answers at all.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
pub(super) const INSPECT: Duration = Duration::from_secs(30);
pub(super) const LIST: Duration = Duration::from_secs(60);
pub(super) const CREATE: Duration = Duration::from_secs(4 * 60);
pub(super) const START: Duration = Duration::from_secs(3 * 60);
/// What a stop may take beyond the grace the container has.
pub(super) const STOP: Duration = Duration::from_secs(60);
pub(super) const REMOVE: Duration = Duration::from_secs(5 * 60);
pub(super) const NETWORK: Duration = Duration::from_secs(60);
pub(super) const VOLUME: Duration = Duration::from_secs(5 * 60);
/// The caller gives pulls a limit of their own; this one only ends what nobody waits for any more.
pub(super) const PULL: Duration = Duration::from_secs(6 * 3600);
/// Beginning a command inside a container, or resizing its terminal.
pub(super) const EXEC: Duration = Duration::from_secs(30);
/// Importing an image of less than a kilobyte.
pub(super) const IMPORT: Duration = Duration::from_secs(60);
/// How long a log that is followed is listened to for an error in place of a first line.
pub(super) const FIRST_LOG: Duration = Duration::from_millis(250);
/// How long to wait for a container that somebody else is removing,
pub(super) const REMOVAL_BY_OTHERS: Duration = Duration::from_secs(10);
/// or creating,
pub(super) const NAME_TAKEN: Duration = Duration::from_secs(10);
/// or for one in a state that is no state of Docker's,
pub(super) const PASSING_STATE: Duration = Duration::from_secs(5);
/// and how often to look meanwhile.
pub(super) const POLL: Duration = Duration::from_millis(25);
