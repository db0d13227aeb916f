"""EC2 and Auto Scaling by boto3: groups of instances that are a cluster's capacity. Run by tests/compat/clients.rs."""

import base64
import unittest
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from .waiting import wait_until

ONCE = Config(retries={"total_max_attempts": 1})
ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]
WAIT = {"Delay": 1, "MaxAttempts": 60}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ecs = boto3.client("ecs", config=ONCE)
        cls.ec2 = boto3.client("ec2", config=ONCE)
        cls.asg = boto3.client("autoscaling", config=ONCE)

    def setUp(self):
        self.name = f"asg-{uuid.uuid4().hex[:8]}"

    def refused(self, code, message, call, **request):
        with self.assertRaises(ClientError) as caught:
            call(**request)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code)
        self.assertIn(message, error["Message"])

    def template(self, **more):
        script = f"#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER={self.name}\n" \
            'ECS_INSTANCE_ATTRIBUTES={"stack":"blue"}\nEOF\n'
        data = {
            "ImageId": "ami-12345678",
            "InstanceType": "m5.large",
            "UserData": base64.b64encode(script.encode()).decode(),
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": self.name}]}],
            **more,
        }
        answer = self.ec2.create_launch_template(LaunchTemplateName=self.name, LaunchTemplateData=data)
        return answer["LaunchTemplate"]

    def group(self):
        return self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"][0]

    def in_service(self, count):
        """The instances, once so many are in service and no other ones are there."""
        def probe():
            instances = self.group()["Instances"]
            if all(it["LifecycleState"] == "InService" for it in instances) and len(instances) == count:
                return {it["InstanceId"]: it["AvailabilityZone"] for it in instances}
        return probe

    def container_instances(self, count):
        def probe():
            arns = self.ecs.list_container_instances(cluster=self.name, status="ACTIVE")["containerInstanceArns"]
            return len(arns) == count and (arns or True)
        return wait_until(f"{count} container instances", probe)


class Groups(Case):
    def test_a_group_is_the_capacity_of_a_cluster(self):
        # The cluster comes last, as it may with Terraform: instances join it then.
        template = self.template()
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=self.name,
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "$Latest"},
            MinSize=0,
            MaxSize=4,
            DesiredCapacity=3,
            AvailabilityZones=ZONES,
            Tags=[{"Key": "team", "Value": "a", "PropagateAtLaunch": True}],
        )
        before = wait_until("three are in service", self.in_service(3))
        self.assertEqual(sorted(before.values()), ZONES)
        self.ecs.create_cluster(clusterName=self.name)
        arns = self.container_instances(3)
        described = self.ecs.describe_container_instances(cluster=self.name, containerInstances=arns)
        for instance in described["containerInstances"]:
            attributes = {it["name"]: it.get("value") for it in instance["attributes"]}
            self.assertEqual(attributes["stack"], "blue")
            self.assertEqual(attributes["ecs.instance-type"], "m5.large")
            self.assertEqual(attributes["ecs.availability-zone"], before[instance["ec2InstanceId"]])

        definition = self.ecs.register_task_definition(
            family=self.name,
            containerDefinitions=[{"name": "web", "image": "localecs/sample-app:latest", "memory": 64}],
        )["taskDefinition"]["taskDefinitionArn"]
        answer = self.ecs.run_task(
            cluster=self.name,
            taskDefinition=definition,
            count=3,
            placementStrategy=[{"type": "spread", "field": "attribute:ecs.availability-zone"}],
        )
        self.assertEqual(answer["failures"], [])
        tasks = [task["taskArn"] for task in answer["tasks"]]
        self.ecs.get_waiter("tasks_running").wait(cluster=self.name, tasks=tasks, WaiterConfig=WAIT)
        placed = self.ecs.describe_tasks(cluster=self.name, tasks=tasks)["tasks"]
        self.assertEqual(sorted(task["availabilityZone"] for task in placed), ZONES)

        # One goes, with its task, and is replaced.
        gone = sorted(before)[0]
        activity = self.asg.terminate_instance_in_auto_scaling_group(
            InstanceId=gone, ShouldDecrementDesiredCapacity=False
        )["Activity"]
        self.assertEqual(activity["Description"], f"Terminating EC2 instance: {gone}")

        def replaced():
            now = self.in_service(3)()
            return now and gone not in now and now
        after = wait_until("it is replaced", replaced)
        self.assertEqual(sorted(after.values()), ZONES)
        self.container_instances(3)
        at = {it["containerInstanceArn"]: it["ec2InstanceId"] for it in described["containerInstances"]}
        lost = next(task["taskArn"] for task in placed if at[task["containerInstanceArn"]] == gone)
        self.ecs.get_waiter("tasks_stopped").wait(cluster=self.name, tasks=[lost], WaiterConfig=WAIT)
        task = self.ecs.describe_tasks(cluster=self.name, tasks=[lost])["tasks"][0]
        self.assertEqual(task["stopCode"], "TerminationNotice")
        self.assertEqual(task["stoppedReason"], f"Host EC2 (instance {gone}) terminated.")
        state = self.ec2.describe_instances(InstanceIds=[gone])["Reservations"][0]["Instances"][0]["State"]
        self.assertEqual(state, {"Code": 48, "Name": "terminated"})

        # Scale-in leaves a protected instance, and then nothing.
        kept = sorted(after)[1]
        protect = {"AutoScalingGroupName": self.name, "InstanceIds": [kept]}
        self.asg.set_instance_protection(ProtectedFromScaleIn=True, **protect)
        self.asg.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=0)
        self.assertEqual(list(wait_until("one is left", self.in_service(1))), [kept])
        self.asg.set_instance_protection(ProtectedFromScaleIn=False, **protect)
        wait_until("none is left", lambda: self.in_service(0)() is not None)
        self.container_instances(0)
        pages = self.asg.get_paginator("describe_scaling_activities").paginate(
            AutoScalingGroupName=self.name, PaginationConfig={"PageSize": 3}
        )
        activities = [activity for page in pages for activity in page["Activities"]]
        self.assertEqual({activity["StatusCode"] for activity in activities}, {"Successful"})
        self.assertEqual(len(activities), 3 + 2 + 3)
        self.assertIn("a user request created an AutoScalingGroup changing the desired capacity from 0 to 3.",
                      activities[-1]["Cause"])
        tags = self.asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [self.name]}])["Tags"]
        self.assertEqual([(tag["Key"], tag["PropagateAtLaunch"]) for tag in tags], [("team", True)])
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=self.name)
        self.ec2.delete_launch_template(LaunchTemplateName=self.name)

    def test_lifecycle_hooks_standby_and_suspension(self):
        self.template()
        name = {"AutoScalingGroupName": self.name}
        self.asg.create_auto_scaling_group(
            LaunchTemplate={"LaunchTemplateName": self.name}, MinSize=0, MaxSize=2, DesiredCapacity=1,
            AvailabilityZones=ZONES[:1], **name,
            LifecycleHookSpecificationList=[{
                "LifecycleHookName": "up", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
                "DefaultResult": "CONTINUE",
            }],
        )

        def state(of):
            return lambda: next((it["InstanceId"] for it in self.group()["Instances"] if it["LifecycleState"] == of), None)
        first = wait_until("it waits for its hook", state("Pending:Wait"))
        action = {"LifecycleHookName": "up", "InstanceId": first, **name}
        self.asg.record_lifecycle_action_heartbeat(**action)
        self.asg.complete_lifecycle_action(LifecycleActionResult="CONTINUE", **action)
        self.assertEqual(wait_until("it is in service", state("InService")), first)
        self.refused("ValidationError", f"No active Lifecycle Action found with instance ID {first}",
                     self.asg.complete_lifecycle_action, LifecycleActionResult="CONTINUE", **action)

        self.asg.enter_standby(InstanceIds=[first], ShouldDecrementDesiredCapacity=True, **name)
        self.assertEqual((self.group()["DesiredCapacity"], state("Standby")()), (0, first))
        self.asg.exit_standby(InstanceIds=[first], **name)
        self.assertEqual((self.group()["DesiredCapacity"], state("InService")()), (1, first))

        self.asg.suspend_processes(ScalingProcesses=["Terminate"], **name)
        self.asg.set_desired_capacity(DesiredCapacity=0, **name)
        self.assertEqual(state("InService")(), first)
        self.asg.resume_processes(**name)
        wait_until("it is gone", lambda: not self.group()["Instances"])

        self.asg.delete_lifecycle_hook(LifecycleHookName="up", **name)
        run = self.ec2.run_instances(LaunchTemplate={"LaunchTemplateName": self.name}, MinCount=1, MaxCount=1,
                                     Placement={"AvailabilityZone": ZONES[0]})
        loose = run["Instances"][0]["InstanceId"]
        self.ec2.get_waiter("instance_running").wait(InstanceIds=[loose], WaiterConfig=WAIT)
        self.asg.attach_instances(InstanceIds=[loose], **name)
        self.assertEqual((self.group()["DesiredCapacity"], state("InService")()), (1, loose))
        self.asg.detach_instances(InstanceIds=[loose], ShouldDecrementDesiredCapacity=True, **name)
        self.assertEqual(self.group()["Instances"], [])
        self.asg.delete_auto_scaling_group(ForceDelete=True, **name)
        self.ec2.terminate_instances(InstanceIds=[loose])
        self.ec2.get_waiter("instance_terminated").wait(InstanceIds=[loose], WaiterConfig=WAIT)

    def test_refusals_are_those_of_auto_scaling(self):
        no = "AutoScalingGroup name not found"
        self.refused("ValidationError", no, self.asg.set_desired_capacity,
                     AutoScalingGroupName=self.name, DesiredCapacity=1)
        self.assertEqual(
            self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"], [])
        size = {"MinSize": 0, "MaxSize": 1, "AvailabilityZones": ZONES}
        self.refused("ValidationError", "Valid requests must contain either LaunchTemplate",
                     self.asg.create_auto_scaling_group, AutoScalingGroupName=self.name, **size)
        self.refused("ValidationError", "does not exist", self.asg.create_auto_scaling_group,
                     AutoScalingGroupName=self.name, LaunchTemplate={"LaunchTemplateName": self.name}, **size)
        self.asg.create_launch_configuration(
            LaunchConfigurationName=self.name, ImageId="ami-12345678", InstanceType="t3.micro")
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=self.name, LaunchConfigurationName=self.name, **size)
        self.refused("AlreadyExists", "already exists", self.asg.create_auto_scaling_group,
                     AutoScalingGroupName=self.name, LaunchConfigurationName=self.name, **size)
        self.refused("ResourceInUse", "attached to AutoScalingGroup", self.asg.delete_launch_configuration,
                     LaunchConfigurationName=self.name)
        self.refused("ValidationError", "must be less than or equal to max bound", self.asg.update_auto_scaling_group,
                     AutoScalingGroupName=self.name, MinSize=2)
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=self.name)
        self.asg.delete_launch_configuration(LaunchConfigurationName=self.name)


class Instances(Case):
    def test_instances_of_ones_own(self):
        self.ecs.create_cluster(clusterName=self.name)
        self.template()
        self.ec2.create_launch_template_version(
            LaunchTemplateName=self.name, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.small"})
        versions = self.ec2.describe_launch_template_versions(LaunchTemplateName=self.name)["LaunchTemplateVersions"]
        self.assertEqual([(it["VersionNumber"], it["LaunchTemplateData"]["InstanceType"]) for it in versions],
                         [(2, "t3.small"), (1, "m5.large")])
        self.assertIn("UserData", versions[0]["LaunchTemplateData"])
        run = self.ec2.run_instances(
            LaunchTemplate={"LaunchTemplateName": self.name, "Version": "2"}, MinCount=2, MaxCount=2,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "b"}]}],
        )
        ids = [it["InstanceId"] for it in run["Instances"]]
        self.assertEqual({it["State"]["Name"] for it in run["Instances"]}, {"pending"})
        self.ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
        self.ec2.get_waiter("instance_status_ok").wait(InstanceIds=ids, WaiterConfig=WAIT)
        self.container_instances(2)
        self.ec2.create_tags(Resources=ids[:1], Tags=[{"Key": "more", "Value": "x"}])
        filters = [{"Name": "tag:more", "Values": ["*"]}, {"Name": "instance-type", "Values": ["t3.*"]},
                   {"Name": "tag:team", "Values": ["b"]}]
        found = self.ec2.describe_instances(Filters=filters)["Reservations"]
        self.assertEqual([it["InstanceId"] for one in found for it in one["Instances"]], ids[:1])

        self.ec2.stop_instances(InstanceIds=ids[:1])
        self.ec2.get_waiter("instance_stopped").wait(InstanceIds=ids[:1], WaiterConfig=WAIT)

        def connected():
            arns = self.ecs.list_container_instances(cluster=self.name, filter="agentConnected == true")
            return len(arns["containerInstanceArns"])
        self.assertEqual(connected(), 1)
        self.ec2.start_instances(InstanceIds=ids[:1])
        self.ec2.get_waiter("instance_running").wait(InstanceIds=ids[:1], WaiterConfig=WAIT)
        wait_until("its agent is back", lambda: connected() == 2)
        changes = self.ec2.terminate_instances(InstanceIds=ids)["TerminatingInstances"]
        self.assertEqual({it["PreviousState"]["Name"] for it in changes}, {"running"})
        self.ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=WAIT)
        self.container_instances(0)
        self.ec2.delete_launch_template(LaunchTemplateName=self.name)

    def test_what_there_is(self):
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertEqual([it["ZoneName"] for it in zones], ZONES)
        vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
        self.assertEqual(sorted(it["AvailabilityZone"] for it in subnets), ZONES)
        attribute = self.ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsSupport")
        self.assertEqual(attribute["EnableDnsSupport"], {"Value": True})
        main = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}, {"Name": "association.main", "Values": ["true"]}]
        routes = self.ec2.describe_route_tables(Filters=main)["RouteTables"][0]["Routes"]
        self.assertEqual([it["DestinationCidrBlock"] for it in routes], [vpc["CidrBlock"], "0.0.0.0/0"])
        groups = self.ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])
        self.assertEqual(groups["SecurityGroups"][0]["VpcId"], vpc["VpcId"])
        kind = self.ec2.describe_instance_types(InstanceTypes=["m5.large"])["InstanceTypes"][0]
        self.assertEqual((kind["VCpuInfo"]["DefaultVCpus"], kind["MemoryInfo"]["SizeInMiB"]), (2, 8192))
        ssm = boto3.client("ssm", config=ONCE)
        name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
        image = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        images = self.ec2.describe_images(ImageIds=[image], Owners=["amazon"])["Images"]
        self.assertEqual([it["Architecture"] for it in images], ["x86_64"])
        path = name.removesuffix("/recommended/image_id")
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
        known = {it["Name"]: it["Value"] for page in pages for it in page["Parameters"]}
        self.assertEqual((known[name], len(known)), (image, 16))
        below = ssm.get_parameters_by_path(Path=path + "/recommended")["Parameters"]
        self.assertEqual([it["Name"].rpartition("/")[2] for it in below][:3], ["ecs_agent_version", "ecs_runtime_version", "image_id"])
        self.assertEqual(ssm.get_parameters_by_path(Path="/", Recursive=True)["Parameters"], [])
        self.assertIn("us-east-1", [it["RegionName"] for it in self.ec2.describe_regions()["Regions"]])

    def test_refusals_are_those_of_ec2(self):
        run = {"MinCount": 1, "MaxCount": 1}
        image = {"ImageId": "ami-12345678"}
        self.refused("InvalidInstanceID.NotFound", "The instance ID 'i-12345678' does not exist",
                     self.ec2.describe_instances, InstanceIds=["i-12345678"])
        self.refused("InvalidInstanceID.Malformed", 'Invalid id: "x"', self.ec2.terminate_instances, InstanceIds=["x"])
        self.refused("MissingParameter", "The request must contain the parameter ImageId", self.ec2.run_instances, **run)
        self.refused("InvalidParameterValue", "Invalid value 'm5.tiny' for InstanceType.", self.ec2.run_instances,
                     InstanceType="m5.tiny", **image, **run)
        self.refused("InvalidAMIID.Malformed", 'Invalid id: "ami"', self.ec2.run_instances, ImageId="ami", **run)
        self.refused("DryRunOperation", "Request would have succeeded", self.ec2.run_instances,
                     DryRun=True, **image, **run)
        self.refused("InvalidParameterValue", "The filter 'nope' is invalid", self.ec2.describe_vpcs,
                     Filters=[{"Name": "nope", "Values": ["x"]}])
        self.refused("InvalidLaunchTemplateName.NotFoundException", "does not exist", self.ec2.run_instances,
                     LaunchTemplate={"LaunchTemplateName": "none"}, **run)
        self.refused("UnsupportedOperation", "LocalECS does not support", self.ec2.run_instances,
                     PrivateIpAddress="10.0.0.1", **image, **run)
