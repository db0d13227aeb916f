"""The tool ecs-deploy, as it comes, against the endpoint in AWS_ENDPOINT_URL. Run by tests/compat/clients.rs."""

import json
import subprocess
import unittest
import uuid

import boto3

VPC = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


def tool(*arguments):
    """`ecs ...`, which is in PATH; what it printed, and its exit code."""
    done = subprocess.run(["ecs", *arguments], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


class EcsDeploy(unittest.TestCase):
    def setUp(self):
        self.ecs = boto3.client("ecs")
        self.name = f"tool-{uuid.uuid4().hex[:8]}"
        self.ecs.create_cluster(clusterName=self.name)
        self.ecs.register_task_definition(
            family=self.name,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "web", "image": "localecs/sample-app:latest"}],
        )
        self.ecs.create_service(
            cluster=self.name,
            serviceName="web",
            taskDefinition=self.name,
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration=VPC,
        )
        self.addCleanup(self.ecs.delete_service, cluster=self.name, service="web", force=True)

    def service(self):
        return self.ecs.describe_services(cluster=self.name, services=["web"])["services"][0]

    def ok(self, *arguments):
        code, printed = tool(*arguments)
        self.assertEqual(code, 0, printed)
        return printed

    def test_deploy_scale_update_and_run(self):
        printed = self.ok("deploy", self.name, "web", "-e", "web", "COLOUR", "green", "--timeout", "60")
        self.assertIn("Deployment successful", printed)
        service = self.service()
        self.assertTrue(service["taskDefinition"].endswith(":2"))
        self.assertEqual((len(service["deployments"]), service["runningCount"]), (1, 1))
        definition = self.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        self.assertEqual(definition["containerDefinitions"][0]["environment"], [{"name": "COLOUR", "value": "green"}])
        first = self.ecs.describe_task_definition(taskDefinition=f"{self.name}:1")["taskDefinition"]
        self.assertEqual(first["status"], "INACTIVE")

        self.assertIn("Scaling successful", self.ok("scale", self.name, "web", "3", "--timeout", "60"))
        self.assertEqual(self.service()["runningCount"], 3)
        self.assertIn("revision: 3", self.ok("update", self.name, "--image", "web", "localecs/sample-app"))
        started = self.ok(
            "run", self.name, self.name, "1", "--launchtype", "FARGATE", "--subnet", "subnet-1", "--securitygroup", "sg-1"
        )
        self.assertIn("Successfully started 1 instances of task", started)
        self.assertIn("localecs/sample-app", self.ok("diff", self.name, "2", "3"))
        alone = self.ecs.list_tasks(cluster=self.name, family=self.name)["taskArns"]
        alone = [task for task in alone if task in started]
        self.ecs.stop_task(cluster=self.name, task=alone[0])

    def test_a_deployment_that_fails_is_seen_and_rolled_back_by_the_tool(self):
        self.ok("deploy", self.name, "web", "--timeout", "60")
        code, printed = tool(
            "deploy", self.name, "web", "-i", "web", f"missing/{self.name}:1", "--timeout", "60", "--rollback"
        )
        self.assertNotEqual(code, 0, printed)
        self.assertIn("Deployment failed", printed)
        self.assertIn("Rollback successful", printed)
        service = self.service()
        self.assertTrue(service["taskDefinition"].endswith(":2"), json.dumps(service, default=str))
        self.assertEqual((len(service["deployments"]), service["runningCount"]), (1, 1))


if __name__ == "__main__":
    unittest.main()
