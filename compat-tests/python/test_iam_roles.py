"""IAM through boto3 and the AWS CLI: what Terraform, CDK and people call for the roles of tasks."""

import json
import pathlib
import subprocess
import sys
import unittest

import boto3
from botocore.config import Config

AWS = str(pathlib.Path(sys.executable).parent / "aws")
EXECUTION = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}


class Iam(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.iam = boto3.client("iam", config=Config(retries={"total_max_attempts": 1}))
        cls.account = boto3.client("sts").get_caller_identity()["Account"]

    def role(self, name, **more):
        return self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **more)["Role"]

    def fails(self, code, message, call, **arguments):
        with self.assertRaises(self.iam.exceptions.ClientError) as raised:
            call(**arguments)
        error = raised.exception.response["Error"]
        self.assertEqual((error["Code"], error["Message"]), (code, message))

    def test_the_life_of_a_role(self):
        made = self.role("app", Path="/service/", Description="größe <&>", Tags=[{"Key": "team", "Value": "web"}])
        self.assertEqual(made["Arn"], f"arn:aws:iam::{self.account}:role/service/app")
        self.assertRegex(made["RoleId"], "^AROA[A-Z0-9]{17}$")
        shown = self.iam.get_role(RoleName="app")["Role"]
        self.assertEqual(shown, made)
        self.assertEqual(shown["AssumeRolePolicyDocument"], TRUST)
        self.assertEqual((shown["Description"], shown["MaxSessionDuration"]), ("größe <&>", 3600))
        self.fails(
            "EntityAlreadyExists", "Role with name APP already exists.",
            self.iam.create_role, RoleName="APP", AssumeRolePolicyDocument=json.dumps(TRUST),
        )

        self.iam.attach_role_policy(RoleName="app", PolicyArn=EXECUTION)
        self.iam.put_role_policy(RoleName="app", PolicyName="read", PolicyDocument=json.dumps(READ))
        self.assertEqual(
            self.iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"],
            [{"PolicyName": "AmazonECSTaskExecutionRolePolicy", "PolicyArn": EXECUTION}],
        )
        self.assertEqual(self.iam.list_role_policies(RoleName="app")["PolicyNames"], ["read"])
        self.assertEqual(self.iam.get_role_policy(RoleName="app", PolicyName="read")["PolicyDocument"], READ)
        entities = self.iam.list_entities_for_policy(PolicyArn=EXECUTION)["PolicyRoles"]
        self.assertEqual([role["RoleName"] for role in entities], ["app"])
        self.iam.tag_role(RoleName="app", Tags=[{"Key": "stage", "Value": "test"}])
        self.iam.untag_role(RoleName="app", TagKeys=["team"])
        self.assertEqual(self.iam.list_role_tags(RoleName="app")["Tags"], [{"Key": "stage", "Value": "test"}])
        self.iam.update_role(RoleName="app", Description="new", MaxSessionDuration=7200)

        conflict = "Cannot delete entity, must detach all policies first."
        self.fails("DeleteConflict", conflict, self.iam.delete_role, RoleName="app")
        self.iam.detach_role_policy(RoleName="app", PolicyArn=EXECUTION)
        conflict = "Cannot delete entity, must delete policies first."
        self.fails("DeleteConflict", conflict, self.iam.delete_role, RoleName="app")
        self.iam.delete_role_policy(RoleName="app", PolicyName="read")
        self.iam.delete_role(RoleName="app")
        gone = "The role with name app cannot be found."
        self.fails("NoSuchEntity", gone, self.iam.get_role, RoleName="app")

    def test_managed_policies_have_versions(self):
        arn = self.iam.create_policy(PolicyName="read", Path="/team/", PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
        self.assertEqual(arn, f"arn:aws:iam::{self.account}:policy/team/read")
        everything = {**READ, "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        second = self.iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(everything), SetAsDefault=True
        )["PolicyVersion"]
        self.assertEqual((second["VersionId"], second["IsDefaultVersion"]), ("v2", True))
        version = self.iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
        self.assertEqual(version["Document"], everything)
        self.assertEqual(self.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"], "v2")
        versions = self.iam.list_policy_versions(PolicyArn=arn)["Versions"]
        self.assertEqual([version["VersionId"] for version in versions], ["v2", "v1"])
        self.fails(
            "DeleteConflict", "Cannot delete the default version of a policy.",
            self.iam.delete_policy_version, PolicyArn=arn, VersionId="v2",
        )
        self.iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
        self.role("reader")
        self.iam.attach_role_policy(RoleName="reader", PolicyArn=arn)
        self.assertEqual(self.iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"][0]["Arn"], arn)
        self.fails(
            "DeleteConflict", "Cannot delete a policy attached to entities.", self.iam.delete_policy, PolicyArn=arn
        )
        self.iam.detach_role_policy(RoleName="reader", PolicyArn=arn)
        self.iam.delete_policy(PolicyArn=arn)
        self.iam.delete_role(RoleName="reader")

        execution = self.iam.get_policy(PolicyArn=EXECUTION)["Policy"]
        document = self.iam.get_policy_version(PolicyArn=EXECUTION, VersionId=execution["DefaultVersionId"])
        self.assertIn("ecr:BatchGetImage", document["PolicyVersion"]["Document"]["Statement"][0]["Action"])
        pages = self.iam.get_paginator("list_policies").paginate(Scope="AWS")
        names = {policy["PolicyName"] for page in pages for policy in page["Policies"]}
        self.assertLessEqual({"AmazonECS_FullAccess", "AmazonEC2ContainerServiceforEC2Role"}, names)

    def test_instance_profiles_hold_one_role(self):
        self.role("instance")
        profile = self.iam.create_instance_profile(InstanceProfileName="instance")["InstanceProfile"]
        self.assertRegex(profile["InstanceProfileId"], "^AIPA[A-Z0-9]{17}$")
        self.iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="instance")
        self.iam.add_role_to_instance_profile(InstanceProfileName="instance", RoleName="instance")
        held = self.iam.list_instance_profiles_for_role(RoleName="instance")["InstanceProfiles"]
        self.assertEqual([role["RoleName"] for role in held[0]["Roles"]], ["instance"])
        self.fails(
            "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
            self.iam.add_role_to_instance_profile, InstanceProfileName="instance", RoleName="instance",
        )
        conflict = "Cannot delete entity, must remove roles from instance profile first."
        self.fails("DeleteConflict", conflict, self.iam.delete_role, RoleName="instance")
        self.fails("DeleteConflict", conflict, self.iam.delete_instance_profile, InstanceProfileName="instance")
        self.iam.remove_role_from_instance_profile(InstanceProfileName="instance", RoleName="instance")
        self.iam.delete_instance_profile(InstanceProfileName="instance")
        self.iam.delete_role(RoleName="instance")

    def test_the_service_linked_role_of_ecs(self):
        role = self.iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]
        arn = f"arn:aws:iam::{self.account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        self.assertEqual(role["Arn"], arn)
        self.fails(
            "InvalidInput",
            "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.",
            self.iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com",
        )
        task = self.iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
        self.assertEqual(self.iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"], "SUCCEEDED")

    def test_what_is_malformed_is_refused(self):
        self.fails(
            "MalformedPolicyDocument", "This policy contains invalid Json",
            self.iam.create_role, RoleName="bad", AssumeRolePolicyDocument="{",
        )
        self.fails(
            "MalformedPolicyDocument", "Has prohibited field Resource", self.iam.create_role, RoleName="bad",
            AssumeRolePolicyDocument=json.dumps({**TRUST, "Statement": {**TRUST["Statement"][0], "Resource": "*"}}),
        )
        self.fails(
            "ValidationError",
            "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the "
            "following: +=,.@_-",
            self.iam.create_role, RoleName="a b", AssumeRolePolicyDocument=json.dumps(TRUST),
        )
        missing = "arn:aws:iam::aws:policy/Nope"
        self.role("attach")
        self.fails(
            "NoSuchEntity", f"Policy {missing} does not exist or is not attachable.",
            self.iam.attach_role_policy, RoleName="attach", PolicyArn=missing,
        )
        self.iam.delete_role(RoleName="attach")

    def test_the_command_line(self):
        def aws(*arguments):
            done = subprocess.run([AWS, "iam", *arguments], capture_output=True, text=True, timeout=120, check=True)
            return json.loads(done.stdout) if done.stdout else None

        for number in range(3):
            aws("create-role", "--role-name", f"cli-{number}", "--path", "/cli/",
                "--assume-role-policy-document", json.dumps(TRUST))
        names = aws("list-roles", "--path-prefix", "/cli/", "--page-size", "2", "--query", "Roles[].RoleName")
        self.assertEqual(names, ["cli-0", "cli-1", "cli-2"])
        for name in names:
            aws("delete-role", "--role-name", name)


if __name__ == "__main__":
    unittest.main()
