"""Capacity providers with Auto Scaling groups, through boto3, on a clock that is moved."""

import base64
import json
import os
import time
import unittest
import urllib.request
import uuid

import boto3

from .waiting import PATIENCE, wait_until


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

    def provider(self, **settings):
        """Makes the provider, and gives it to the cluster as the only one."""
        self.ecs.create_capacity_provider(
            name=self.name,
            autoScalingGroupProvider={
                "autoScalingGroupArn": self.group()["AutoScalingGroupARN"],
                "managedScaling": {"status": "ENABLED", "instanceWarmupPeriod": 0},
                **settings,
            },
        )
        self.ecs.put_cluster_capacity_providers(
            cluster=self.name,
            capacityProviders=[self.name],
            defaultCapacityProviderStrategy=[{"capacityProvider": self.name, "weight": 1}],
        )

    def definition(self):
        """Two of its tasks fit on an instance. They do not hear SIGTERM."""
        app = {"name": "app", "image": "localecs/sample-app:latest", "command": ["sleep", "600"]}
        return self.ecs.register_task_definition(
            family=self.name,
            networkMode="none",
            requiresCompatibilities=["EC2"],
            containerDefinitions=[{**app, "cpu": 1024, "memory": 64, "stopTimeout": 2}],
        )["taskDefinition"]["taskDefinitionArn"]

    def running(self):
        """The tasks that are RUNNING and to stay."""
        arns = self.ecs.list_tasks(cluster=self.name, desiredStatus="RUNNING")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"] if arns else []
        return [it for it in tasks if (it["lastStatus"], it["desiredStatus"]) == ("RUNNING", "RUNNING")]

    def stop(self, arns):
        for arn in arns:
            self.ecs.stop_task(cluster=self.name, task=arn)
        stopped = self.ecs.get_waiter("tasks_stopped")
        stopped.wait(cluster=self.name, tasks=arns, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE})

    def ends(self):
        """Nothing is left of what the test made."""
        for arn in self.ecs.list_services(cluster=self.name)["serviceArns"]:
            self.ecs.delete_service(cluster=self.name, service=arn, force=True)
        running = self.running()
        if running:
            self.stop([it["taskArn"] for it in running])

        def free():
            try:
                return self.ecs.put_cluster_capacity_providers(
                    cluster=self.name, capacityProviders=[], defaultCapacityProviderStrategy=[]
                )
            except self.ecs.exceptions.ResourceInUseException:
                return None

        wait_until("the provider to be free", free)
        self.ecs.delete_capacity_provider(capacityProvider=self.name)
        self.groups.delete_auto_scaling_group(AutoScalingGroupName=self.name, ForceDelete=True)

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
            (left,) = wait_until("a step down", lambda: [now for now in [self.group()["DesiredCapacity"]] if now < left])
            advance(61)
        wait_until("an empty group", lambda: not self.instances() and not self.group()["Instances"])

        activities = self.groups.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]
        self.assertTrue(any("ECSManagedAutoScalingPolicy" in activity["Cause"] for activity in activities))
        self.ecs.put_cluster_capacity_providers(
            cluster=self.name, capacityProviders=[], defaultCapacityProviderStrategy=[]
        )
        deleted = self.ecs.delete_capacity_provider(capacityProvider=self.name)["capacityProvider"]
        self.assertEqual(deleted["updateStatus"], "DELETE_IN_PROGRESS")
        self.groups.delete_auto_scaling_group(AutoScalingGroupName=self.name)

    def test_an_instance_that_goes_is_drained_while_its_service_runs_elsewhere(self):
        self.groups.update_auto_scaling_group(
            AutoScalingGroupName=self.name, NewInstancesProtectedFromScaleIn=False
        )
        self.provider(managedTerminationProtection="DISABLED", managedDraining="ENABLED")
        self.ecs.create_service(
            cluster=self.name,
            serviceName="web",
            taskDefinition=self.definition(),
            desiredCount=2,
            deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 200},
            placementConstraints=[{"type": "distinctInstance"}],
        )
        (before,) = wait_until("both tasks", lambda: [it for it in [self.running()] if len(it) == 2])
        hooks = self.groups.describe_lifecycle_hooks(AutoScalingGroupName=self.name)["LifecycleHooks"]
        hook = {it["LifecycleHookName"]: it for it in hooks}["ecs-managed-draining-termination-hook"]
        self.assertEqual(hook["LifecycleTransition"], "autoscaling:EC2_INSTANCE_TERMINATING")
        described = self.ecs.describe_container_instances(
            cluster=self.name, containerInstances=[it["containerInstanceArn"] for it in before]
        )["containerInstances"]
        machines = {it["containerInstanceArn"]: it["ec2InstanceId"] for it in described}

        # The group lets one go; the task that takes over waits for an instance, so the group gets another one.
        self.groups.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=1)
        seen, least, gone = set(), 2, []
        deadline = time.monotonic() + PATIENCE
        while not gone:
            self.assertLess(time.monotonic(), deadline, seen)
            running = len(self.running())
            least = min(least, running)
            instances = {it["InstanceId"]: it["LifecycleState"] for it in self.group()["Instances"]}
            shown = self.ecs.describe_container_instances(cluster=self.name, containerInstances=list(machines))
            for instance in shown["containerInstances"]:
                seen.add((instances.get(instance["ec2InstanceId"]), instance["status"]))
            gone = [arn for arn, machine in machines.items() if machine not in instances]
        self.assertIn(("Terminating:Wait", "DRAINING"), seen)
        self.assertEqual(least, 2, "never below the service's minimum")
        (gone,) = gone
        states = self.ec2.describe_instances(InstanceIds=[machines[gone]])["Reservations"][0]["Instances"][0]["State"]
        self.assertEqual(states["Name"], "terminated")
        after = self.running()
        self.assertEqual(len(after), 2)
        self.assertNotIn(gone, [it["containerInstanceArn"] for it in after])
        moved = next(it["taskArn"] for it in before if it["containerInstanceArn"] == gone)
        moved = self.ecs.describe_tasks(cluster=self.name, tasks=[moved])["tasks"][0]
        self.assertEqual((moved["lastStatus"], moved["stopCode"]), ("STOPPED", "ServiceSchedulerInitiated"))
        self.ends()

    def test_instances_with_tasks_are_protected_from_scale_in(self):
        self.provider(managedTerminationProtection="ENABLED")
        definition = self.definition()
        tasks = self.ecs.run_task(cluster=self.name, taskDefinition=definition, count=5)["tasks"]
        wait_until("all tasks", lambda: len(self.running()) == 5)

        def protected():
            return {it["InstanceId"]: it["ProtectedFromScaleIn"] for it in self.group()["Instances"]}

        self.assertEqual(list(protected().values()), [True] * 3)
        kept = self.running()[0]
        self.stop([task["taskArn"] for task in tasks if task["taskArn"] != kept["taskArn"]])
        # Whoever asks for fewer gets those without tasks.
        advance(16 * 60)
        wait_until("a step down", lambda: self.group()["DesiredCapacity"] == 2)
        advance(61)
        wait_until("one instance", lambda: len(protected()) == 1)
        self.assertEqual(self.running()[0]["taskArn"], kept["taskArn"])
        (instance,) = self.ecs.describe_container_instances(
            cluster=self.name, containerInstances=[kept["containerInstanceArn"]]
        )["containerInstances"]
        self.assertEqual(protected(), {instance["ec2InstanceId"]: True})

        # Turned off, it protects nothing any more. A provider that is taken away leaves the protection as it is.
        def protects(setting):
            self.ecs.update_capacity_provider(
                name=self.name, autoScalingGroupProvider={"managedTerminationProtection": setting}
            )
            expected = {instance["ec2InstanceId"]: setting == "ENABLED"}
            wait_until(f"protection {setting}", lambda: protected() == expected)

        protects("DISABLED")
        protects("ENABLED")
        self.stop([kept["taskArn"]])
        self.ecs.put_cluster_capacity_providers(
            cluster=self.name, capacityProviders=[], defaultCapacityProviderStrategy=[]
        )
        wait_until("no hook", lambda: not self.groups.describe_lifecycle_hooks(AutoScalingGroupName=self.name)["LifecycleHooks"])
        self.assertEqual(protected(), {instance["ec2InstanceId"]: True})
        self.ends()

    def test_instances_that_were_there_before_the_provider(self):
        """As in a configuration that makes the group, with instances, before the provider."""
        self.groups.update_auto_scaling_group(AutoScalingGroupName=self.name, MinSize=1)
        wait_until("an instance", self.instances)
        self.provider()
        described = lambda: self.ecs.describe_container_instances(
            cluster=self.name, containerInstances=self.instances()
        )["containerInstances"]
        wait_until("its provider", lambda: [it.get("capacityProviderName") for it in described()] == [self.name])
        self.ecs.run_task(cluster=self.name, taskDefinition=self.definition(), count=2)
        wait_until("both tasks", lambda: len(self.running()) == 2)
        self.assertEqual(len(self.instances()), 1)
        self.ends()

    def test_so_many_tasks_may_wait(self):
        """500 of a cluster; a service waits, RunTask is refused."""
        self.groups.update_auto_scaling_group(AutoScalingGroupName=self.name, MaxSize=0)
        self.provider()
        definition = self.definition()
        self.ecs.create_service(
            cluster=self.name, serviceName="web", taskDefinition=definition, desiredCount=505
        )

        def service():
            return self.ecs.describe_services(cluster=self.name, services=["web"])["services"][0]

        wait_until("500 waiting tasks", lambda: service()["pendingCount"] == 500)
        said = "(service web) was unable to place a task. Reason: Tasks provisioning capacity limit exceeded."
        wait_until("the event", lambda: said in [event["message"] for event in service()["events"]])
        with self.assertRaisesRegex(self.ecs.exceptions.ClientException, "Tasks provisioning capacity limit exceeded."):
            self.ecs.run_task(cluster=self.name, taskDefinition=definition)
        self.ecs.update_service(cluster=self.name, service="web", desiredCount=499)
        wait_until("one task less", lambda: service()["pendingCount"] == 499)
        run = self.ecs.run_task(cluster=self.name, taskDefinition=definition)
        self.assertEqual([task["lastStatus"] for task in run["tasks"]], ["PROVISIONING"])
        # Who stops makes room for a task of the service.
        self.ecs.update_service(cluster=self.name, service="web", desiredCount=500)
        self.ecs.stop_task(cluster=self.name, task=run["tasks"][0]["taskArn"])
        wait_until("500 waiting tasks", lambda: service()["pendingCount"] == 500)
        self.ends()
