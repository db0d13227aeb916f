"""The AWS CLI, as it comes, against the endpoint in AWS_ENDPOINT_URL. Run by tests/compat/clients.rs."""

import json
import os
import pathlib
import subprocess
import sys
import unittest
import uuid

from .waiting import wait_until

AWS = str(pathlib.Path(sys.executable).parent / "aws")


def aws(*arguments):
    environment = {**os.environ, "AWS_PAGER": ""}
    return subprocess.run(
        [AWS, "ecs", *arguments], capture_output=True, text=True, timeout=120, env=environment, check=False
    )


class Cli(unittest.TestCase):
    def ok(self, *arguments):
        done = aws(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return json.loads(done.stdout) if done.stdout else None

    def test_a_task_from_start_to_end(self):
        cluster = f"cli-{uuid.uuid4().hex[:8]}"
        self.assertEqual(self.ok("create-cluster", "--cluster-name", cluster)["cluster"]["status"], "ACTIVE")
        definition = self.ok(
            "register-task-definition", "--family", cluster, "--network-mode", "awsvpc",
            "--requires-compatibilities", "FARGATE", "--cpu", "256", "--memory", "512",
            "--container-definitions",
            '[{"name": "web", "image": "localecs/sample-app:latest", "command": ["on-term-exit", "9"]}]',
        )["taskDefinition"]
        self.assertEqual(definition["revision"], 1)
        task = self.ok(
            "run-task", "--cluster", cluster, "--task-definition", cluster, "--launch-type", "FARGATE",
            "--network-configuration", "awsvpcConfiguration={subnets=[subnet-1]}",
        )["tasks"][0]
        self.assertEqual(task["lastStatus"], "PROVISIONING")
        arn = task["taskArn"]
        self.ok("wait", "tasks-running", "--cluster", cluster, "--tasks", arn)
        self.ok("stop-task", "--cluster", cluster, "--task", arn, "--reason", "enough")
        self.ok("wait", "tasks-stopped", "--cluster", cluster, "--tasks", arn)
        stopped = self.ok(
            "describe-tasks", "--cluster", cluster, "--tasks", arn,
            "--query", "tasks[0].[stopCode, stoppedReason, containers[0].exitCode]",
        )
        self.assertEqual(stopped, ["UserInitiated", "enough", 9])

        waited = aws("wait", "tasks-running", "--cluster", cluster, "--tasks", arn)
        self.assertEqual(waited.returncode, 255)
        self.assertIn(
            "Waiter TasksRunning failed: Waiter encountered a terminal failure state", waited.stderr
        )

    def test_a_service_is_waited_for(self):
        cluster = f"cli-{uuid.uuid4().hex[:8]}"
        self.ok("create-cluster", "--cluster-name", cluster)
        self.ok(
            "register-task-definition", "--family", cluster, "--network-mode", "awsvpc",
            "--requires-compatibilities", "FARGATE", "--cpu", "256", "--memory", "512",
            "--container-definitions", '[{"name": "web", "image": "localecs/sample-app:latest"}]',
        )
        self.ok(
            "create-service", "--cluster", cluster, "--service-name", "web", "--task-definition", cluster,
            "--desired-count", "1", "--launch-type", "FARGATE",
            "--network-configuration", "awsvpcConfiguration={subnets=[subnet-1]}",
        )
        # The CLI asks every 15 seconds; what it waits for is there before it asks.
        self.until(cluster, "runningCount", 1)
        self.ok("wait", "services-stable", "--cluster", cluster, "--services", "web")
        self.ok("delete-service", "--cluster", cluster, "--service", "web", "--force")
        self.until(cluster, "status", "INACTIVE")
        self.ok("wait", "services-inactive", "--cluster", cluster, "--services", "web")
        waited = aws("wait", "services-stable", "--cluster", cluster, "--services", "web")
        self.assertEqual(waited.returncode, 255)

    def until(self, cluster, member, value):
        def reached():
            services = self.ok("describe-services", "--cluster", cluster, "--services", "web")["services"]
            return services[0][member] == value

        wait_until(f"{member} to be {value}", reached)

    def test_errors(self):
        gone = aws("delete-cluster", "--cluster", "missing")
        self.assertEqual(gone.returncode, 255)
        self.assertIn(
            "An error occurred (ClusterNotFoundException) when calling the DeleteCluster operation: "
            "Cluster not found.",
            gone.stderr,
        )
        off = aws("describe-express-gateway-service", "--service-arn", "web")
        self.assertEqual(off.returncode, 255)
        self.assertIn("when calling the DescribeExpressGatewayService operation: ", off.stderr)
