"""`aws ecs execute-command` with the Session Manager plugin, as they come. Run by tests/compat/clients.rs."""

import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time
import unittest
import uuid

AWS = str(pathlib.Path(sys.executable).parent / "aws")
PATIENCE = 60


def aws(*arguments):
    environment = {**os.environ, "AWS_PAGER": ""}
    done = subprocess.run(
        [AWS, "ecs", *arguments], capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    if done.returncode:
        raise AssertionError(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout else None


class Session:
    """`aws ecs execute-command` on a terminal, or with pipes."""

    def __init__(self, terminal, *arguments):
        command = [AWS, "ecs", "execute-command", "--interactive", *arguments]
        self.seen = ""
        self.process = None
        if terminal:
            self.pid, self.reads = pty.fork()
            if self.pid == 0:
                os.execv(AWS, command)
            self.writes = self.reads
        else:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            self.pid, self.reads, self.writes = (
                self.process.pid, self.process.stdout.fileno(), self.process.stdin.fileno(),
            )

    def type(self, keys):
        os.write(self.writes, keys.encode())

    def until(self, pattern):
        """Reads until the pattern has come, and forgets all up to it."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            ready, _, _ = select.select([self.reads], [], [], max(left, 0))
            if not ready:
                raise AssertionError(f"{pattern!r} did not come after {self.seen[-500:]!r}")
            try:
                data = os.read(self.reads, 65536)
            except OSError:  # the other end of the terminal is gone
                data = b""
            if not data:
                raise AssertionError(f"it ended before {pattern!r} came: {self.seen[-500:]!r}")
            # Two terminals lie in between, and each puts a return before the newline.
            self.seen += data.decode(errors="replace").replace("\r", "")
        self.seen = self.seen[found.end():]
        return found

    def ended(self):
        if self.process:
            code = self.process.wait(PATIENCE)
            self.process.stdin.close()
            self.process.stdout.close()
            return code
        _, status = os.waitpid(self.pid, 0)
        os.close(self.reads)
        return os.waitstatus_to_exitcode(status)

    def kill(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Exec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        name = f"exec-{uuid.uuid4().hex[:8]}"
        aws("create-cluster", "--cluster-name", name)
        aws(
            "register-task-definition", "--family", name, "--network-mode", "awsvpc",
            "--requires-compatibilities", "FARGATE", "--cpu", "256", "--memory", "512",
            "--task-role-arn", "arn:aws:iam::123456789012:role/task",
            "--container-definitions",
            '[{"name": "web", "image": "localecs/busybox:latest", "command": ["sleep", "3600"]}]',
        )
        task = aws(
            "run-task", "--cluster", name, "--task-definition", name, "--launch-type", "FARGATE",
            "--enable-execute-command",
            "--network-configuration", "awsvpcConfiguration={subnets=[subnet-1]}",
        )["tasks"][0]["taskArn"]
        aws("wait", "tasks-running", "--cluster", name, "--tasks", task)
        cls.task = ("--cluster", name, "--task", task)

    @classmethod
    def tearDownClass(cls):
        aws("stop-task", *cls.task)

    def open(self, terminal, command):
        session = Session(terminal, *self.task, "--command", command)
        self.addCleanup(session.kill)
        session.until(r"Starting session with SessionId: ecs-execute-command-\w+\n")
        return session

    def test_on_a_terminal(self):
        session = self.open(True, "sh")
        session.until("# ")
        session.type("echo the-sum-is-$((40 + 2))\n")
        session.until("the-sum-is-42\n")
        session.until("# ")
        session.type("sleep 600\n")
        session.until("sleep 600\n")
        time.sleep(0.2)
        session.type("\x03")
        session.until(r"\^C")
        session.until("# ")
        session.type("exit\n")
        session.until("Exiting session with sessionId: ecs-execute-command-")
        self.assertEqual(session.ended(), 0)

    def test_piped(self):
        session = self.open(False, "sh")
        session.type("echo piped-$((1 + 1))\nseq 1 3000 | tail -n 1\nexit\n")
        session.until("piped-2\n")
        session.until("3000\n")
        session.until("Exiting session with sessionId: ecs-execute-command-")
        self.assertEqual(session.ended(), 0)

    def test_a_command_with_arguments_and_one_that_is_not_there(self):
        session = self.open(True, "sh -c 'echo  \"$0\" $#' one two")
        session.until("one 1\n")
        session.until("Exiting session with sessionId")
        self.assertEqual(session.ended(), 0)
        session = self.open(True, "/bin/bash")
        session.until(
            r"Unable to start command: Failed to start pty: fork/exec /bin/bash: no such file or directory"
        )
        self.assertEqual(session.ended(), 0)

    def test_all_output_arrives(self):
        session = self.open(True, "seq 1 20000")
        self.assertIn("19999\n20000\n", session.until(r"(?s)1\n2\n3\n.*?\n20000\n").group())
        session.until("Exiting session with sessionId")
        self.assertEqual(session.ended(), 0)


if __name__ == "__main__":
    unittest.main()
