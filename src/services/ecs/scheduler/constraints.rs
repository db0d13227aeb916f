//! Placement constraints: those of a request and those of its task definition, which hold together.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html>

use api_models::ecs::{
    InvalidParameterException, PlacementConstraint, PlacementConstraintType, TaskDefinitionPlacementConstraint,
    TaskDefinitionPlacementConstraintType,
};

use super::query::Expression;

const MAX_CONSTRAINTS: usize = 10;

/// What every instance must fulfil that a task is placed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constraints {
    /// Each task of the group on an instance of its own.
    pub distinct_instance: bool,
    /// Every one of these expressions.
    pub member_of: Vec<Expression>,
}

impl Constraints {
    /// Merges the constraints of a request (`given`) with those of the task definition (`own`).
    ///
    /// # Errors
    /// InvalidParameterException when there are too many, one has no type that there is, or an expression cannot be
    /// read: the message says where.
    pub fn parse(
        given: &[PlacementConstraint],
        own: &[TaskDefinitionPlacementConstraint],
    ) -> Result<Self, InvalidParameterException> {
        let refuse = |message: &str| Err(InvalidParameterException::new(message));
        if given.len() + own.len() > MAX_CONSTRAINTS {
            return Err(InvalidParameterException::new(format!("Maximum number of constraints is {MAX_CONSTRAINTS}.")));
        }
        let mut constraints = Self::default();
        for constraint in given {
            let expression = constraint.expression.as_deref().filter(|expression| !expression.is_empty());
            match (&constraint.r#type, expression) {
                (Some(PlacementConstraintType::DistinctInstance), None) => constraints.distinct_instance = true,
                (Some(PlacementConstraintType::DistinctInstance), Some(_)) => {
                    return refuse("distinctInstance expression should not be specified.");
                }
                (Some(PlacementConstraintType::MemberOf), _) => constraints.member_of.push(member_of(expression)?),
                _ => return refuse("placementConstraint.type should be one of [distinctInstance,memberOf]"),
            }
        }
        for constraint in own {
            // Registration takes no other type.
            if constraint.r#type == Some(TaskDefinitionPlacementConstraintType::MemberOf) {
                constraints.member_of.push(member_of(constraint.expression.as_deref())?);
            }
        }
        Ok(constraints)
    }

    /// Whether the decision needs to know what runs on the instances.
    #[must_use]
    pub fn depend_on_tasks(&self) -> bool {
        self.distinct_instance || self.member_of.iter().any(Expression::depends_on_tasks)
    }
}

fn member_of(expression: Option<&str>) -> Result<Expression, InvalidParameterException> {
    let Some(text) = expression.filter(|text| !text.trim().is_empty()) else {
        return Err(InvalidParameterException::new("memberOf expression should be specified."));
    };
    Expression::parse(text)
        .map_err(|error| InvalidParameterException::new(format!("Invalid memberOf expression '{text}': {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraint(kind: &str, expression: Option<&str>) -> PlacementConstraint {
        PlacementConstraint { r#type: Some(kind.into()), expression: expression.map(Into::into) }
    }

    #[test]
    fn a_requests_and_its_definitions_hold_together() {
        let own = TaskDefinitionPlacementConstraint {
            r#type: Some(TaskDefinitionPlacementConstraintType::MemberOf),
            expression: Some("attribute:a exists".into()),
        };
        let given = [constraint("distinctInstance", Some("")), constraint("memberOf", Some("task:group == b"))];
        let both = Constraints::parse(&given, &[own]).expect("valid");
        assert!(both.distinct_instance && both.depend_on_tasks());
        assert_eq!(both.member_of.len(), 2);
        assert!(!Constraints::default().depend_on_tasks());
    }

    #[test]
    fn what_is_refused() {
        for (kind, expression, message) in [
            ("distinctInstance", Some("x"), "distinctInstance expression should not be specified."),
            ("memberOf", None, "memberOf expression should be specified."),
            (
                "memberOf",
                Some("attribute:a = b"),
                "Invalid memberOf expression 'attribute:a = b': expected an operator at position 13.",
            ),
            ("other", None, "placementConstraint.type should be one of [distinctInstance,memberOf]"),
        ] {
            let error = Constraints::parse(&[constraint(kind, expression)], &[]).expect_err(kind);
            assert_eq!(error.message.as_deref(), Some(message));
        }
        let many = vec![constraint("distinctInstance", None); 11];
        let error = Constraints::parse(&many, &[]).expect_err("too many");
        assert_eq!(error.message.as_deref(), Some("Maximum number of constraints is 10."));
    }
}
