//! How far a deployment is that goes through lifecycle stages: BLUE_GREEN, LINEAR and CANARY.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html>

use std::sync::Arc;

use api_models::Untyped;
use api_models::ecs::{
    DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookAction, DeploymentLifecycleHookDetail,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType, DeploymentStrategy,
    ServiceDeploymentLifecycleStage,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DeploymentId, ServiceDeploymentKey};
use crate::time::Timestamp;

/// What LINEAR shifts at a time, in percent, and how long it waits between two shifts, unless it is said.
pub(super) const DEFAULT_STEP: (f64, i32) = (10.0, 6);
/// What CANARY shifts first, in percent, and how long it waits then, unless it is said.
pub(super) const DEFAULT_CANARY: (f64, i32) = (5.0, 10);
/// How long a hook may take, in minutes, unless it is said.
const DEFAULT_HOOK_MINUTES: i32 = 1440;

/// The stages, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    ReconcileService,
    PreScaleUp,
    ScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    PreProductionTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

impl Stage {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::ScaleUp => "SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }

    #[must_use]
    pub fn to_api(self) -> ServiceDeploymentLifecycleStage {
        ServiceDeploymentLifecycleStage::from(self.as_str())
    }

    /// Whether a hook of this stage is to run at this one.
    #[must_use]
    pub fn has_hook(self, stage: &DeploymentLifecycleHookStage) -> bool {
        stage.as_str() == self.as_str()
    }
}

/// One run of a hook: at one stage, and for traffic that is shifted in steps at one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HookRun {
    /// `ecs-pause-<43 letters>` or `ecs-lambda-<43 letters>`: the same whenever it is worked out.
    pub id: Arc<str>,
    pub stage: Stage,
    /// The [`Course::entry`] it belongs to.
    pub entry: u32,
    pub target_type: DeploymentLifecycleHookTargetType,
    /// Of the Lambda function.
    pub target_arn: Option<String>,
    pub role_arn: Option<String>,
    /// What the function is given: as configured, with what it returned before.
    pub details: Option<Untyped>,
    pub status: DeploymentLifecycleHookStatus,
    /// Why it FAILED, a sentence.
    pub reason: Option<String>,
    pub expires_at: Timestamp,
    pub timeout_action: DeploymentLifecycleHookAction,
    /// When a function is to be invoked next.
    pub invoke_at: Timestamp,
}

impl HookRun {
    /// Whether somebody has to do something about it still.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status, DeploymentLifecycleHookStatus::AwaitingAction | DeploymentLifecycleHookStatus::InProgress)
    }

    /// Whether it waits for a Lambda function.
    #[must_use]
    pub fn wants_invocation(&self) -> bool {
        self.target_type == DeploymentLifecycleHookTargetType::AwsLambda && self.is_open()
    }

    /// As `lifecycleHookDetails` shows it.
    #[must_use]
    pub fn to_api(&self) -> DeploymentLifecycleHookDetail {
        DeploymentLifecycleHookDetail {
            hook_id: Some(self.id.to_string()),
            target_type: Some(self.target_type.clone()),
            target_arn: self.target_arn.clone(),
            status: Some(self.status.clone()),
            expires_at: Some(self.expires_at),
            timeout_action: Some(self.timeout_action.clone()),
        }
    }
}

/// Where a deployment stands. The *target* is the revision that is deployed (green), *blue* the one it replaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// What is replaced. `None` when nothing runs yet.
    pub blue: Option<DeploymentId>,
    /// Blue was deployed to the end once, and is kept at its full size until the target has taken over. Otherwise what
    /// there is of it stays as it is.
    pub keep_blue: bool,
    pub stage: Stage,
    /// When it came to the stage, or to the step of it.
    pub since: Timestamp,
    /// Counts the stages and steps it came to.
    pub entry: u32,
    /// How much of the test traffic is to go to the target, in percent; the rest goes to blue.
    pub test: f64,
    /// And of the production traffic.
    pub production: f64,
    /// All that ran, oldest first.
    pub hooks: Vec<HookRun>,
}

impl Course {
    /// Stands before the first stage; [`Course::enter`] comes next.
    #[must_use]
    pub fn new(blue: Option<DeploymentId>, keep_blue: bool, now: Timestamp) -> Self {
        Self {
            blue,
            keep_blue,
            stage: Stage::ReconcileService,
            since: now,
            entry: 0,
            test: 0.0,
            production: 0.0,
            hooks: Vec::new(),
        }
    }

    /// Comes to a stage: its hooks begin.
    pub fn enter(&mut self, stage: Stage, of: &ServiceDeploymentKey, given: &DeploymentConfiguration, now: Timestamp) {
        self.stage = stage;
        self.since = now;
        self.entry += 1;
        let entry = self.entry;
        let hooks = given.lifecycle_hooks.as_deref().unwrap_or_default().iter().enumerate();
        let here = hooks.filter(|(_, hook)| {
            hook.lifecycle_stages.as_deref().unwrap_or_default().iter().any(|it| stage.has_hook(it))
        });
        self.hooks.extend(here.map(|(index, hook)| run(of, stage, entry, index, hook, now)));
    }

    /// The runs of hooks at the present stage and step.
    pub fn current(&self) -> impl Iterator<Item = &HookRun> {
        self.hooks.iter().filter(|run| run.entry == self.entry)
    }

    /// Ends what runs still, because the deployment goes elsewhere.
    pub fn abandon_hooks(&mut self) {
        for run in self.hooks.iter_mut().filter(|run| run.is_open()) {
            run.status = DeploymentLifecycleHookStatus::Failed;
        }
    }

    /// How much of the production traffic goes to the target after the next shift.
    #[must_use]
    pub fn next_share(&self, given: &DeploymentConfiguration) -> f64 {
        let share = match given.strategy {
            // There is nothing to shift it from.
            _ if self.blue.is_none() => 100.0,
            Some(DeploymentStrategy::Linear) => {
                let linear = given.linear_configuration.as_ref();
                self.production + linear.and_then(|linear| linear.step_percent).unwrap_or(DEFAULT_STEP.0)
            }
            Some(DeploymentStrategy::Canary) if self.production == 0.0 => {
                let canary = given.canary_configuration.as_ref();
                canary.and_then(|canary| canary.canary_percent).unwrap_or(DEFAULT_CANARY.0)
            }
            _ => 100.0,
        };
        // Tenths of percents, without what adding them up as binary fractions leaves.
        ((share * 10.0).round() / 10.0).min(100.0)
    }

    /// How many minutes pass between two shifts.
    #[must_use]
    pub fn step_minutes(given: &DeploymentConfiguration) -> i32 {
        match given.strategy {
            Some(DeploymentStrategy::Linear) => {
                let linear = given.linear_configuration.as_ref();
                linear.and_then(|linear| linear.step_bake_time_in_minutes).unwrap_or(DEFAULT_STEP.1)
            }
            Some(DeploymentStrategy::Canary) => {
                let canary = given.canary_configuration.as_ref();
                canary.and_then(|canary| canary.canary_bake_time_in_minutes).unwrap_or(DEFAULT_CANARY.1)
            }
            _ => 0,
        }
    }
}

/// Whether a configuration's strategy goes through lifecycle stages.
#[must_use]
pub fn has_stages(given: &DeploymentConfiguration) -> bool {
    matches!(
        given.strategy,
        Some(DeploymentStrategy::BlueGreen | DeploymentStrategy::Linear | DeploymentStrategy::Canary)
    )
}

fn run(
    of: &ServiceDeploymentKey,
    stage: Stage,
    entry: u32,
    index: usize,
    hook: &DeploymentLifecycleHook,
    now: Timestamp,
) -> HookRun {
    let target_type = hook.target_type.clone().unwrap_or(DeploymentLifecycleHookTargetType::AwsLambda);
    let pause = target_type == DeploymentLifecycleHookTargetType::Pause;
    let unique = Sha256::digest(format!("{} {entry} {index}", of.arn()));
    let timeout = hook.timeout_configuration.as_deref();
    let minutes = timeout.and_then(|timeout| timeout.timeout_in_minutes).unwrap_or(DEFAULT_HOOK_MINUTES);
    let action = timeout.and_then(|timeout| timeout.action.clone());
    HookRun {
        id: format!("ecs-{}-{}", if pause { "pause" } else { "lambda" }, URL_SAFE_NO_PAD.encode(unique)).into(),
        stage,
        entry,
        target_type,
        target_arn: hook.hook_target_arn.clone(),
        role_arn: hook.role_arn.clone(),
        details: hook.hook_details.clone(),
        status: match pause {
            true => DeploymentLifecycleHookStatus::AwaitingAction,
            false => DeploymentLifecycleHookStatus::InProgress,
        },
        reason: None,
        expires_at: now.saturating_add(minutes_of(minutes)),
        timeout_action: action.unwrap_or(DeploymentLifecycleHookAction::Rollback),
        invoke_at: now,
    }
}

/// A number of minutes that was checked before.
#[must_use]
pub fn minutes_of(minutes: i32) -> std::time::Duration {
    std::time::Duration::from_secs(60 * u64::try_from(minutes).unwrap_or(0))
}
