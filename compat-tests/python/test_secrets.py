"""Secrets Manager and Parameter Store through boto3 and the AWS CLI. Run by tests/compat/clients.rs."""

import json
import os
import pathlib
import subprocess
import sys
import unittest
import uuid

import boto3
from botocore.exceptions import ClientError

AWS = str(pathlib.Path(sys.executable).parent / "aws")


def aws(*arguments):
    environment = {**os.environ, "AWS_PAGER": ""}
    done = subprocess.run([AWS, *arguments], capture_output=True, text=True, timeout=120, env=environment, check=True)
    return json.loads(done.stdout) if done.stdout else None


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class SecretsManager(unittest.TestCase):
    def setUp(self):
        self.client = boto3.client("secretsmanager")

    def refused(self, code, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response["Error"]["Message"]

    def test_as_terraform_manages_a_secret(self):
        name = unique("tf")
        made = self.client.create_secret(
            Name=name, Description="", Tags=[{"Key": "env", "Value": "test"}], ForceOverwriteReplicaSecret=False
        )
        arn = made["ARN"]
        self.assertRegex(arn, rf":secret:{name}-[A-Za-z0-9]{{6}}$")
        self.assertNotIn("VersionId", made)
        described = self.client.describe_secret(SecretId=arn)
        self.assertEqual((described["Name"], described["Tags"]), (name, [{"Key": "env", "Value": "test"}]))
        for absent in ("Description", "KmsKeyId", "DeletedDate", "VersionIdsToStages", "RotationEnabled"):
            self.assertNotIn(absent, described)
        self.assertNotIn("ResourcePolicy", self.client.get_resource_policy(SecretId=arn))
        missing = self.refused("ResourceNotFoundException", self.client.get_secret_value, SecretId=arn)
        self.assertEqual(
            missing, "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
        )

        version = self.client.put_secret_value(SecretId=arn, SecretString="one")
        self.assertEqual(version["VersionStages"], ["AWSCURRENT"])
        value = self.client.get_secret_value(SecretId=arn, VersionId=version["VersionId"])
        self.assertEqual((value["SecretString"], value["VersionStages"]), ("one", ["AWSCURRENT"]))
        self.client.update_secret(SecretId=arn, Description="changed")
        self.client.tag_resource(SecretId=arn, Tags=[{"Key": "owner", "Value": "me"}])
        self.client.untag_resource(SecretId=arn, TagKeys=["env"])
        again = self.client.describe_secret(SecretId=arn)
        self.assertEqual((again["Description"], again["Tags"]), ("changed", [{"Key": "owner", "Value": "me"}]))
        self.assertEqual(again["VersionIdsToStages"], {version["VersionId"]: ["AWSCURRENT"]})
        policy = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                        "Action": "secretsmanager:GetSecretValue",
                        "Resource": "*",
                    }
                ],
            }
        )
        self.client.put_resource_policy(SecretId=arn, ResourcePolicy=policy, BlockPublicPolicy=True)
        self.assertEqual(self.client.get_resource_policy(SecretId=arn)["ResourcePolicy"], policy)
        self.client.delete_resource_policy(SecretId=arn)

        self.client.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
        self.assertIn("DeletedDate", self.client.describe_secret(SecretId=arn))
        self.assertIn(
            "marked for deletion", self.refused("InvalidRequestException", self.client.get_secret_value, SecretId=arn)
        )
        self.refused("InvalidRequestException", self.client.create_secret, Name=name)
        self.client.restore_secret(SecretId=arn)
        self.client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
        self.refused("ResourceNotFoundException", self.client.describe_secret, SecretId=arn)
        self.client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    def test_bytes_versions_and_pages(self):
        prefix = unique("pages")
        names = [f"{prefix}/{number}" for number in range(5)]
        for name in names:
            self.client.create_secret(Name=name, SecretBinary=b"\x00\xff" + name.encode())
        value = self.client.get_secret_value(SecretId=names[0])
        self.assertEqual(value["SecretBinary"], b"\x00\xff" + names[0].encode())
        self.assertNotIn("SecretString", value)
        found = []
        pages = self.client.get_paginator("list_secrets").paginate(
            Filters=[{"Key": "name", "Values": [prefix]}], SortOrder="asc", PaginationConfig={"PageSize": 2}
        )
        for page in pages:
            self.assertLessEqual(len(page["SecretList"]), 2)
            found += [secret["Name"] for secret in page["SecretList"]]
        self.assertEqual(found, names)
        self.refused("InvalidNextTokenException", self.client.list_secrets, NextToken="nonsense")
        batch = self.client.batch_get_secret_value(SecretIdList=[names[1], "not-there"])
        self.assertEqual([value["Name"] for value in batch["SecretValues"]], [names[1]])
        self.assertEqual(batch["Errors"][0]["ErrorCode"], "ResourceNotFoundException")
        self.client.put_secret_value(SecretId=names[0], SecretString="two", VersionStages=["AWSCURRENT", "blue"])
        versions = self.client.list_secret_version_ids(SecretId=names[0], IncludeDeprecated=True)["Versions"]
        self.assertEqual([version["VersionStages"] for version in versions], [["AWSPREVIOUS"], ["AWSCURRENT", "blue"]])
        message = self.refused("ValidationException", self.client.get_random_password, PasswordLength=5000)
        self.assertEqual(
            message,
            "1 validation error detected: Value '5000' at 'passwordLength' failed to satisfy constraint: Member must "
            "have value less than or equal to 4096",
        )
        self.assertEqual(len(self.client.get_random_password(PasswordLength=20)["RandomPassword"]), 20)

    def test_the_cli(self):
        name = unique("cli")
        aws("secretsmanager", "create-secret", "--name", name, "--secret-string", "one")
        aws("secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", "two")
        for stage, expected in (("AWSCURRENT", "two"), ("AWSPREVIOUS", "one")):
            value = aws("secretsmanager", "get-secret-value", "--secret-id", name, "--version-stage", stage)
            self.assertEqual(value["SecretString"], expected)
        through = ("ssm", "get-parameter", "--name", f"/aws/reference/secretsmanager/{name}", "--with-decryption")
        self.assertEqual(aws(*through)["Parameter"]["Value"], "two")
        aws("secretsmanager", "delete-secret", "--secret-id", name, "--force-delete-without-recovery")


class ParameterStore(unittest.TestCase):
    def setUp(self):
        self.client = boto3.client("ssm")

    def test_as_terraform_manages_a_parameter(self):
        name = f"/{unique('tf')}/token"
        put = self.client.put_parameter(
            Name=name, Type="SecureString", Value="one", Tags=[{"Key": "env", "Value": "test"}]
        )
        self.assertEqual((put["Version"], put["Tier"]), (1, "Standard"))
        read = self.client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        self.assertEqual((read["Value"], read["DataType"], read["Version"]), ("one", "text", 1))
        self.assertTrue(read["ARN"].endswith(f":parameter{name}"), read["ARN"])
        self.assertNotEqual(self.client.get_parameter(Name=name)["Parameter"]["Value"], "one")
        described = self.client.describe_parameters(
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}]
        )["Parameters"]
        self.assertEqual([parameter["KeyId"] for parameter in described], ["alias/aws/ssm"])
        tags = self.client.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        self.assertEqual(tags, [{"Key": "env", "Value": "test"}])
        self.assertEqual(
            self.client.put_parameter(Name=name, Type="SecureString", Value="two", Overwrite=True)["Version"], 2
        )
        with self.assertRaises(self.client.exceptions.ParameterAlreadyExists):
            self.client.put_parameter(Name=name, Type="SecureString", Value="three")
        self.client.add_tags_to_resource(
            ResourceType="Parameter", ResourceId=name, Tags=[{"Key": "owner", "Value": "me"}]
        )
        self.client.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=["env"])
        self.client.label_parameter_version(Name=name, ParameterVersion=1, Labels=["stable"])
        self.assertEqual(
            self.client.get_parameter(Name=f"{name}:stable", WithDecryption=True)["Parameter"]["Value"], "one"
        )
        history = self.client.get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
        self.assertEqual([entry["Value"] for entry in history], ["one", "two"])
        self.client.delete_parameter(Name=name)
        for call in (self.client.get_parameter, self.client.delete_parameter):
            with self.assertRaises(self.client.exceptions.ParameterNotFound):
                call(Name=name)

    def test_paths_pages_and_refusals(self):
        path = f"/{unique('path')}"
        for number in range(12):
            self.client.put_parameter(Name=f"{path}/{number:02}", Type="String", Value=str(number))
        pages = self.client.get_paginator("get_parameters_by_path").paginate(Path=path)
        found = [parameter["Value"] for page in pages for parameter in page["Parameters"]]
        self.assertEqual(found, [str(number) for number in range(12)])
        got = self.client.get_parameters(Names=[f"{path}/00", f"{path}/gone"])
        self.assertEqual((len(got["Parameters"]), got["InvalidParameters"]), (1, [f"{path}/gone"]))
        for arguments, words in (
            ({"Name": "a b"}, "mix of letters, numbers and the following 3 symbols .-_"),
            ({"Name": "/aws/x/y"}, "No access to reserved parameter name: /aws/x/y."),
            ({"Name": path, "Value": "x" * 4097}, "Standard tier parameters support a maximum parameter value of 4096"),
            ({"Name": path, "AllowedPattern": "[0-9]+"}, "cannot be validated against allowedPattern: [0-9]+"),
        ):
            with self.assertRaises(ClientError) as caught:
                self.client.put_parameter(**{"Type": "String", "Value": "x", **arguments})
            self.assertIn(words, str(caught.exception))

    def test_the_cli(self):
        name = f"/{unique('cli')}"
        aws("ssm", "put-parameter", "--name", name, "--type", "StringList", "--value", "a,b")
        value = aws("ssm", "get-parameter", "--name", name, "--query", "Parameter.Value")
        self.assertEqual(value, "a,b")
        aws("ssm", "delete-parameter", "--name", name)


if __name__ == "__main__":
    unittest.main()
