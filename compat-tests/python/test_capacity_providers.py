"""Capacity providers with Auto Scaling groups, through boto3, on a clock that is moved."""

import base64
import json
import os
import time
import unittest
import urllib.request
import uuid

import boto3

PATIENCE = 60


def until(what, condition):
    """Waits until the condition holds, and returns what it gave."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE} s for {what}")


def advance(seconds):
    body = json.dumps({"advanceSeconds": seconds}).encode()
    url = os.environ["AWS_ENDPOINT_URL"] + "/_localecs/clock"
    urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST")).read()


class CapacityProviders(unittest.TestCase):
    def setUp(self):
        self.ecs, self.ec2, self.groups = (boto3.client(name) for name in ("ecs", "ec2", "autoscaling"))
        self.name = "scaled-" + uuid.uuid4().hex[:8]
        self.ecs.create_cluster(clusterName=self.name)
        script = f"#!/bin/bash\necho ECS_CLUSTER={self.name} >> /etc/ecs/ecs.config\n"
        self.ec2.create_launch_template(
            LaunchTemplateName=self.name,
            LaunchTemplateData={
                "ImageId": "ami-12345678",
                "InstanceType": "m5.large",
                "UserData": base64.b64encode(script.encode()).decode(),
            },
        )
        self.groups.create_auto_scaling_group(
            AutoScalingGroupName=self.name,
            LaunchTemplate={"LaunchTemplateName": self.name},
            MinSize=0,
            MaxSize=5,
            AvailabilityZones=["us-east-1a", "us-east-1b"],
            NewInstancesProtectedFromScaleIn=True,
        )

    def group(self):
        return self.groups.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"][0]

    def instances(self):
        return self.ecs.list_container_instances(cluster=self.name)["containerInstanceArns"]

    def test_a_provider_lives_from_its_creation_to_its_deletion(self):
        create = {
            "name": self.name,
            "autoScalingGroupProvider": {
                "autoScalingGroupArn": self.name,
                "managedScaling": {"status": "ENABLED", "targetCapacity": 80},
            },
            "tags": [{"key": "team", "value": "a"}],
        }
        provider = self.ecs.create_capacity_provider(**create)["capacityProvider"]
        self.assertEqual((provider["type"], provider["status"]), ("EC2_AUTOSCALING", "ACTIVE"))
        settings = provider["autoScalingGroupProvider"]
        self.assertEqual(settings["autoScalingGroupArn"], self.group()["AutoScalingGroupARN"])
        self.assertEqual(settings["managedTerminationProtection"], "DISABLED")
        scaling = {"minimumScalingStepSize": 1, "maximumScalingStepSize": 10000, "instanceWarmupPeriod": 300}
        self.assertEqual(settings["managedScaling"], {"status": "ENABLED", "targetCapacity": 80, **scaling})
        with self.assertRaisesRegex(self.ecs.exceptions.ClientException, "capacity provider already exists"):
            self.ecs.create_capacity_provider(**create)

        def put(providers):
            return self.ecs.put_cluster_capacity_providers(
                cluster=self.name, capacityProviders=providers, defaultCapacityProviderStrategy=[]
            )["cluster"]

        attached = put([self.name, "FARGATE"])["attachments"]
        self.assertEqual([attachment["type"] for attachment in attached], ["as_policy", "managed_draining"])
        described = self.ecs.describe_capacity_providers(cluster=self.name, include=["TAGS"])["capacityProviders"]
        self.assertEqual([provider["name"] for provider in described], ["FARGATE", self.name])
        self.assertEqual(described[1]["tags"], [{"key": "team", "value": "a"}])
        updated = self.ecs.update_capacity_provider(
            name=self.name, autoScalingGroupProvider={"managedScaling": {"targetCapacity": 60}}
        )["capacityProvider"]
        self.assertEqual(updated["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"], 60)

        kept = self.ecs.delete_capacity_provider(capacityProvider=self.name)["capacityProvider"]
        self.assertEqual(kept["updateStatus"], "DELETE_FAILED")
        self.assertIn(f"associated with cluster: {self.name}.", kept["updateStatusReason"])
        put([])
        arn = provider["capacityProviderArn"]
        self.ecs.delete_capacity_provider(capacityProvider=arn)
        gone = self.ecs.describe_capacity_providers(capacityProviders=[arn])["capacityProviders"]
        self.assertEqual((gone[0]["status"], gone[0]["updateStatus"]), ("INACTIVE", "DELETE_COMPLETE"))

    def test_a_group_follows_its_tasks_from_nothing_and_back(self):
        provider = self.ecs.create_capacity_provider(
            name=self.name,
            autoScalingGroupProvider={
                "autoScalingGroupArn": self.group()["AutoScalingGroupARN"],
                "managedScaling": {"status": "ENABLED", "targetCapacity": 100},
                "managedTerminationProtection": "ENABLED",
            },
        )["capacityProvider"]
        self.assertEqual(provider["autoScalingGroupProvider"]["managedDraining"], "ENABLED")
        self.ecs.put_cluster_capacity_providers(
            cluster=self.name,
            capacityProviders=[self.name],
            defaultCapacityProviderStrategy=[{"capacityProvider": self.name, "weight": 1}],
        )
        definition = self.ecs.register_task_definition(
            family=self.name,
            networkMode="none",
            requiresCompatibilities=["EC2"],
            containerDefinitions=[
                {"name": "app", "image": "localecs/sample-app:latest", "command": ["sleep", "600"], "cpu": 1024, "memory": 64}
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        # Nobody is there: the tasks wait, and instances come for them. Two fit on each.
        run = self.ecs.run_task(cluster=self.name, taskDefinition=definition, count=5)
        self.assertEqual((len(run["tasks"]), run["failures"]), (5, []))
        self.assertEqual({task["lastStatus"] for task in run["tasks"]}, {"PROVISIONING"})
        arns = [task["taskArn"] for task in run["tasks"]]
        self.ecs.get_waiter("tasks_running").wait(
            cluster=self.name, tasks=arns, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
        )
        self.assertEqual((len(self.instances()), self.group()["DesiredCapacity"]), (3, 3))
        tasks = self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"]
        self.assertEqual({(task["capacityProviderName"], task["launchType"]) for task in tasks}, {(self.name, "EC2")})

        for arn in arns:
            self.ecs.stop_task(cluster=self.name, task=arn)
        self.ecs.get_waiter("tasks_stopped").wait(
            cluster=self.name, tasks=arns, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
        )
        self.assertEqual(self.group()["DesiredCapacity"], 3)
        advance(16 * 60)
        left = 3
        while left > 0:
            (left,) = until("a step down", lambda: [now for now in [self.group()["DesiredCapacity"]] if now < left])
            advance(61)
        until("an empty group", lambda: not self.instances() and not self.group()["Instances"])

        activities = self.groups.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]
        self.assertTrue(any("ECSManagedAutoScalingPolicy" in activity["Cause"] for activity in activities))
        self.ecs.put_cluster_capacity_providers(
            cluster=self.name, capacityProviders=[], defaultCapacityProviderStrategy=[]
        )
        deleted = self.ecs.delete_capacity_provider(capacityProvider=self.name)["capacityProvider"]
        self.assertEqual(deleted["updateStatus"], "DELETE_IN_PROGRESS")
        self.groups.delete_auto_scaling_group(AutoScalingGroupName=self.name)


if __name__ == "__main__":
    unittest.main()
