"""CloudWatch Logs through boto3 and the AWS CLI, against the endpoint in AWS_ENDPOINT_URL. Run by tests/compat/clients.rs."""

import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

AWS = str(pathlib.Path(sys.executable).parent / "aws")

# StartLiveTail puts a prefix before the host name, which an address does not have.
logs = boto3.client("logs", config=Config(inject_host_prefix=False))


def now():
    return int(time.time() * 1000)


class Logs(unittest.TestCase):
    def setUp(self):
        self.group = f"/test/{uuid.uuid4().hex[:8]}"
        logs.create_log_group(logGroupName=self.group, tags={"a": "1"})
        self.addCleanup(logs.delete_log_group, logGroupName=self.group)

    def stream(self, name):
        logs.create_log_stream(logGroupName=self.group, logStreamName=name)
        return name

    def put(self, stream, *messages, start=None):
        start = start or now()
        events = [{"timestamp": start + at, "message": text} for at, text in enumerate(messages)]
        return logs.put_log_events(logGroupName=self.group, logStreamName=stream, logEvents=events)

    def refused(self, code, message, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        self.assertIn(message, caught.exception.response["Error"]["Message"])
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)

    def arn(self):
        found = logs.describe_log_groups(logGroupNamePrefix=self.group)["logGroups"][0]
        self.assertEqual(found["arn"], found["logGroupArn"] + ":*")
        return found["logGroupArn"]

    def test_a_group_from_start_to_end(self):
        found = logs.describe_log_groups(logGroupNamePrefix=self.group)["logGroups"]
        self.assertEqual([group["logGroupName"] for group in found], [self.group])
        self.assertNotIn("retentionInDays", found[0])
        self.assertEqual(found[0]["logGroupClass"], "STANDARD")
        logs.put_retention_policy(logGroupName=self.group, retentionInDays=14)
        self.assertEqual(logs.describe_log_groups(logGroupNamePattern=self.group)["logGroups"][0].get("storedBytes"), None)
        self.assertEqual(logs.describe_log_groups(logGroupNamePrefix=self.group)["logGroups"][0]["retentionInDays"], 14)
        logs.delete_retention_policy(logGroupName=self.group)
        arn = self.arn()
        logs.tag_resource(resourceArn=arn, tags={"b": "2"})
        self.assertEqual(logs.list_tags_for_resource(resourceArn=arn)["tags"], {"a": "1", "b": "2"})
        logs.untag_log_group(logGroupName=self.group, tags=["a"])
        self.assertEqual(logs.list_tags_log_group(logGroupName=self.group)["tags"], {"b": "2"})
        exists = "ResourceAlreadyExistsException"
        self.refused(exists, "The specified log group already exists", logs.create_log_group, logGroupName=self.group)
        self.refused(
            "InvalidParameterException", "enum value set", logs.put_retention_policy, logGroupName=self.group, retentionInDays=2
        )
        self.refused(
            "ResourceNotFoundException", "The specified log group does not exist.", logs.delete_log_group, logGroupName="none"
        )

    def test_events_are_read_in_pages_in_both_directions(self):
        stream = self.stream("web/1")
        messages = [f"line {at}" for at in range(25)]
        self.assertIn("nextSequenceToken", self.put(stream, *messages))
        names = {"logGroupName": self.group, "logStreamName": stream}
        read, token = [], None
        while True:
            page = logs.get_log_events(**names, limit=10, startFromHead=True, **({"nextToken": token} if token else {}))
            read += [event["message"] for event in page["events"]]
            if page["nextForwardToken"] == token:
                break
            token = page["nextForwardToken"]
        self.assertEqual(read, messages)
        tail = logs.get_log_events(logGroupIdentifier=self.arn(), logStreamName=stream, limit=5)
        self.assertEqual([event["message"] for event in tail["events"]], messages[20:])
        before = logs.get_log_events(**names, limit=5, nextToken=tail["nextBackwardToken"])
        self.assertEqual([event["message"] for event in before["events"]], messages[15:20])
        found = logs.describe_log_streams(logGroupName=self.group, orderBy="LastEventTime", descending=True)["logStreams"]
        self.assertEqual(found[0]["lastEventTimestamp"] - found[0]["firstEventTimestamp"], 24)

    def test_a_large_batch(self):
        stream = self.stream("large")
        line = "\"\u00e9" * 1000
        answer = self.put(stream, *[line] * 300)
        self.assertNotIn("rejectedLogEventsInfo", answer)
        names = {"logGroupName": self.group, "logStreamName": stream}
        page = logs.get_log_events(**names, startFromHead=True)
        self.assertEqual({event["message"] for event in page["events"]}, {line})
        self.refused(
            "InvalidParameterException", "Upload too large", logs.put_log_events, **names,
            logEvents=[{"timestamp": now(), "message": "x" * 1024 * 1024}],
        )
        old = logs.put_log_events(**names, logEvents=[{"timestamp": now() - 15 * 86_400_000, "message": "old"}])
        self.assertEqual(old["rejectedLogEventsInfo"], {"tooOldLogEventEndIndex": 1})

    def test_filters(self):
        start = now()
        self.put(self.stream("web/1"), "ERROR one", "INFO two", '{"level": "error", "code": 504}', start=start)
        self.put(self.stream("web/2"), "ERROR three", start=start + 1)
        pages = logs.get_paginator("filter_log_events")

        def found(**arguments):
            return [
                event
                for page in pages.paginate(logGroupName=self.group, PaginationConfig={"PageSize": 2}, **arguments)
                for event in page["events"]
            ]

        everything = found()
        self.assertEqual([event["timestamp"] - start for event in everything], [0, 1, 1, 2])
        self.assertEqual(len({event["eventId"] for event in everything}), 4)
        self.assertEqual([event["message"] for event in found(filterPattern="ERROR -one")], ["ERROR three"])
        self.assertEqual(len(found(filterPattern='{ $.level = "err*" && $.code >= 500 }')), 1)
        self.assertEqual(len(found(filterPattern="[level=ERROR, what]", logStreamNamePrefix="web/")), 2)
        self.assertEqual(len(found(filterPattern="%O[RN]?%", logStreamNames=["web/1"])), 2)
        self.refused(
            "InvalidParameterException", "Invalid filter pattern", logs.filter_log_events, logGroupName=self.group, filterPattern="{"
        )
        tested = logs.test_metric_filter(filterPattern="[a, b=5*]", logEventMessages=["x 51", "x 6"])["matches"]
        self.assertEqual(tested, [{"eventNumber": 1, "eventMessage": "x 51", "extractedValues": {"$a": "x", "$b": "51"}}])

    def test_following_as_logs_tail_does(self):
        """`aws logs tail --follow` asks again from the newest event's time on, and leaves out what it has seen."""
        stream = self.stream("web/1")
        seen, newest = set(), 0
        for round in range(3):
            self.put(stream, f"a{round}", f"b{round}")
            fresh = []
            kwargs = {"logGroupName": self.group, "interleaved": True, **({"startTime": newest} if newest else {})}
            for page in logs.get_paginator("filter_log_events").paginate(**kwargs):
                for event in page["events"]:
                    newest = max(newest, event["timestamp"])
                    if event["eventId"] not in seen:
                        seen.add(event["eventId"])
                        fresh.append(event["message"])
            self.assertEqual(fresh, [f"a{round}", f"b{round}"])

    def test_live_tail(self):
        stream = self.stream("web/1")
        tail = logs.start_live_tail(logGroupIdentifiers=[self.arn()], logEventFilterPattern="ERROR")
        events = tail["responseStream"]
        try:
            iterator = iter(events)
            start = next(iterator)["sessionStart"]
            self.assertEqual(start["logGroupIdentifiers"], [self.arn()])
            self.put(stream, "INFO a", "ERROR b")
            for event in iterator:
                update = event["sessionUpdate"]
                if update["sessionResults"]:
                    break
            self.assertFalse(update["sessionMetadata"]["sampled"])
            self.assertEqual([(it["logStreamName"], it["message"]) for it in update["sessionResults"]], [(stream, "ERROR b")])
        finally:
            events.close()
        self.refused(
            "ResourceNotFoundException", "does not exist", logs.start_live_tail, logGroupIdentifiers=[self.arn() + "-none"]
        )

    def test_live_tail_of_the_cli(self):
        stream = self.stream("web/1")
        environment = {**os.environ, "AWS_PAGER": "", "AWS_DISABLE_HOST_PREFIX_INJECTION": "true", "PYTHONUNBUFFERED": "1"}
        command = [AWS, "logs", "start-live-tail", "--log-group-identifiers", self.arn()]
        tail = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        lines, shown = [], threading.Event()

        def read():
            for line in tail.stdout:
                lines.append(line)
                if "hello from the stream" in line:
                    shown.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            # It does not say when it has begun to listen.
            deadline = time.monotonic() + 60
            while not shown.is_set() and time.monotonic() < deadline and tail.poll() is None:
                self.put(stream, "hello from the stream")
                shown.wait(1)
            self.assertTrue(shown.is_set(), lines)
        finally:
            tail.kill()
            tail.wait()
            reader.join(10)
            tail.stdout.close()

    def test_what_is_off_says_so(self):
        with self.assertRaises(ClientError) as caught:
            logs.put_metric_filter(
                logGroupName=self.group, filterName="f", filterPattern="",
                metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
            )
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 501)


if __name__ == "__main__":
    unittest.main()
