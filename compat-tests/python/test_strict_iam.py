"""boto3 against a server with --strict-iam: roles of tasks as on AWS."""

import json
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from .waiting import wait_until

WAIT = {"Delay": 1, "MaxAttempts": 30}


def trust(service):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class StrictIam(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        once = Config(retries={"total_max_attempts": 1})
        cls.ecs, cls.iam, cls.secrets = (boto3.client(name, config=once) for name in ("ecs", "iam", "secretsmanager"))
        cls.account = boto3.client("sts").get_caller_identity()["Account"]
        cls.ecs.create_cluster()

    def run_task(self, family):
        network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
        answer = self.ecs.run_task(taskDefinition=family, launchType="FARGATE", networkConfiguration=network)
        return answer["tasks"][0]["taskArn"]

    def test_roles_must_exist_trust_ecs_and_have_the_permissions(self):
        secret = self.secrets.create_secret(Name="db", SecretString="s3cret")["ARN"]
        self.ecs.register_task_definition(
            family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            executionRoleArn=f"arn:aws:iam::{self.account}:role/exec",
            containerDefinitions=[
                {"name": "web", "image": "localecs/sample-app:latest", "secrets": [{"name": "DB", "valueFrom": secret}]}
            ],
        )
        refused = f"ECS was unable to assume the role 'arn:aws:iam::{self.account}:role/exec' that was provided"
        with self.assertRaises(ClientError) as raised:
            self.run_task("web")
        self.assertIn(refused, raised.exception.response["Error"]["Message"])
        self.iam.create_role(RoleName="exec", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
        with self.assertRaises(ClientError) as raised:
            self.run_task("web")
        self.assertEqual(raised.exception.response["Error"]["Code"], "ClientException")

        self.iam.update_assume_role_policy(RoleName="exec", PolicyDocument=trust("ecs-tasks.amazonaws.com"))
        task = self.run_task("web")
        self.ecs.get_waiter("tasks_stopped").wait(tasks=[task], WaiterConfig=WAIT)
        stopped = self.ecs.describe_tasks(tasks=[task])["tasks"][0]
        self.assertEqual(stopped["stopCode"], "TaskFailedToStart")
        self.assertTrue(stopped["stoppedReason"].startswith("ResourceInitializationError: "), stopped["stoppedReason"])
        session = f"arn:aws:sts::{self.account}:assumed-role/exec/{task.rsplit('/', 1)[1]}"
        self.assertIn(
            f"AccessDeniedException: User: {session} is not authorized to perform: secretsmanager:GetSecretValue on "
            f"resource: {secret} because no identity-based policy allows the secretsmanager:GetSecretValue action",
            stopped["stoppedReason"],
        )

        read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": f"{secret[:-6]}??????"}
        self.iam.put_role_policy(
            RoleName="exec", PolicyName="read",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [read]}),
        )
        task = self.run_task("web")
        self.ecs.get_waiter("tasks_running").wait(tasks=[task], WaiterConfig=WAIT)
        self.ecs.stop_task(task=task)

    def test_a_service_says_that_its_role_cannot_be_assumed(self):
        role = f"arn:aws:iam::{self.account}:role/gone"
        self.ecs.register_task_definition(
            family="roleless", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            taskRoleArn=role, containerDefinitions=[{"name": "web", "image": "localecs/sample-app:latest"}],
        )
        self.ecs.create_service(
            serviceName="roleless", taskDefinition="roleless", desiredCount=1, launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        )
        self.addCleanup(self.ecs.delete_service, service="roleless", force=True)
        said = f"(service roleless) failed to launch a task with (error ECS was unable to assume the role '{role}' that"
        messages = wait_until("the event", lambda: [it for it in self.messages("roleless") if it.startswith(said)])
        # Once, however often it is tried.
        self.assertEqual(len(messages), 1)

    def test_roles_of_lifecycle_hooks_must_allow_the_invocation(self):
        self.ecs.register_task_definition(
            family="hooked", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[{"name": "web", "image": "localecs/sample-app:latest"}],
        )
        function = f"arn:aws:lambda:us-east-1:{self.account}:function:check"
        role = f"arn:aws:iam::{self.account}:role/hooks"
        hook = {"hookTargetArn": function, "roleArn": role, "lifecycleStages": ["PRE_SCALE_UP"]}
        self.ecs.create_service(
            serviceName="hooked", taskDefinition="hooked", desiredCount=0, launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": [hook]},
        )
        self.wait_for_event("hooked", f"lifecycle hook(s) failed. ECS was unable to assume role {role}")
        self.iam.create_role(RoleName="hooks", AssumeRolePolicyDocument=trust("ecs.amazonaws.com"))
        self.ecs.update_service(service="hooked", forceNewDeployment=True)
        session = f"arn:aws:sts::{self.account}:assumed-role/hooks/ECS-Lambda-Execution"
        self.wait_for_event(
            "hooked",
            f"ECS was unable to invoke hook target {function} due to User: {session} is not authorized to perform: "
            "lambda:InvokeFunction",
        )
        self.ecs.delete_service(service="hooked", force=True)

    def messages(self, service):
        return [event["message"] for event in self.ecs.describe_services(services=[service])["services"][0]["events"]]

    def wait_for_event(self, service, part):
        wait_until(part, lambda: any(part in message for message in self.messages(service)))
