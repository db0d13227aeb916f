//! Service-linked roles: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>

/// A service that has a role of its own in each account: principal, role's name, the policy attached to it.
#[derive(Clone, Copy, Debug)]
pub struct Linked {
    pub service: &'static str,
    pub role: &'static str,
    pub policy: &'static str,
    /// Whether there can be more than one, told apart by a suffix.
    pub takes_suffix: bool,
}

const KNOWN: &[Linked] = &[
    Linked {
        service: "ecs.amazonaws.com",
        role: "AWSServiceRoleForECS",
        policy: "AmazonECSServiceRolePolicy",
        takes_suffix: false,
    },
    Linked {
        service: "ecs.application-autoscaling.amazonaws.com",
        role: "AWSServiceRoleForApplicationAutoScaling_ECSService",
        policy: "AWSApplicationAutoscalingECSServicePolicy",
        takes_suffix: false,
    },
    Linked {
        service: "autoscaling.amazonaws.com",
        role: "AWSServiceRoleForAutoScaling",
        policy: "AutoScalingServiceRolePolicy",
        takes_suffix: true,
    },
    Linked {
        service: "elasticloadbalancing.amazonaws.com",
        role: "AWSServiceRoleForElasticLoadBalancing",
        policy: "AWSElasticLoadBalancingServiceRolePolicy",
        takes_suffix: false,
    },
    Linked {
        service: "spot.amazonaws.com",
        role: "AWSServiceRoleForEC2Spot",
        policy: "AWSEC2SpotServiceRolePolicy",
        takes_suffix: false,
    },
];

/// The role of that service, if it is one of those that ECS works with.
#[must_use]
pub fn of(service: &str) -> Option<Linked> {
    KNOWN.iter().copied().find(|linked| linked.service == service)
}

/// Who may assume the role of that service: it alone.
#[must_use]
pub fn trust_policy(service: &str) -> String {
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"{service}\"}},\
         \"Action\":\"sts:AssumeRole\"}}]}}"
    )
}
