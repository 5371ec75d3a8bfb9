"""Works steps of an opsloop server. One file, standard library only, Python 3.8 or newer, MIT.

    worker = Worker()                  # OPSLOOP_URL, and OPSLOOP_API_KEY: a key of scope work

    @worker.step("shout")
    def shout(step):
        return {"text": step.proposal["body"].upper()}

    worker.run(slots=2)                # until SIGTERM or Ctrl+C

A result is sent until the server has taken it or says that the claim is lost. What is not ended is given back.
"""
import json
import logging
import os
import random
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid

RENEW_SECONDS, WAIT_SECONDS, LONGEST_PAUSE = 3, 20, 30
log = logging.getLogger("opsloop_worker")


class Fail(Exception):
    """Fails the attempt: it is tried again, unless it is final."""

    def __init__(self, message, kind="error", final=False, output=None):
        super().__init__(message)
        self.body = {"class": kind, "message": str(message) or kind, "final": final, "output": output}


class Release(Exception):
    """Gives the step back, which spends no failure: a model is away, a limit is reached."""

    def __init__(self, retry_in_seconds=0, reason="released"):
        super().__init__(reason)
        self.body = {"retry_in_seconds": retry_in_seconds, "reason": reason}


class Step:
    """`kind`, `title`, `input`, `attempt`, `proposal`, `agent`, and `prior`: what the steps before it produced."""

    def __init__(self, claim):
        self.claim_id, self.token = claim["claim_id"], claim["token"]
        self.proposal, self.agent, self.prior = claim["proposal"], claim["agent"], claim["prior"]
        self.__dict__.update(claim["step"])
        self.usage = []  # append {"model": ..., "input_tokens": ..., "output_tokens": ...} for each model call
        self.aborted = threading.Event()  # stop working on it: see why_aborted
        self.why_aborted = None

    def abort(self, why):
        self.why_aborted = self.why_aborted or why
        self.aborted.set()


class Worker:
    def __init__(self, url=None, api_key=None, name=None, lease_seconds=30):
        url = (url or os.environ.get("OPSLOOP_URL") or "http://127.0.0.1:8787").rstrip("/")
        self._url = url + "/api/ops/work/"
        self._api_key = (api_key or os.environ["OPSLOOP_API_KEY"]).strip()
        self._prefix = name or socket.gethostname().split(".")[0]
        self._name, self._lease = "%s-%s" % (self._prefix, uuid.uuid4()), lease_seconds
        self._handlers, self._held, self._changed = {}, {}, threading.Condition()
        self._stopping, self._give_up_at, self._refused = threading.Event(), float("inf"), None
        self._unsure_until = 0  # an answer was lost, so the server may believe that we hold more than we know of
        self._opener = urllib.request.build_opener(_NoRedirect)

    def step(self, kind):
        """Says which function works steps of a kind: its result is the step's output."""
        return lambda handler: self._handlers.setdefault(kind, handler)

    def run(self, slots=1, grace_seconds=10):
        """Works until it is told to stop; what runs then has some seconds to end. Raises when the key is refused."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        for loop in (lambda: self._keep_claiming(slots), self._keep_renewing):
            threading.Thread(target=loop, daemon=True).start()
        while not self._stopping.wait(1):
            pass
        self._give_up_at = time.monotonic() + grace_seconds
        with self._changed:
            for step in self._held.values():
                step.abort("shutdown")
            self._changed.wait_for(lambda: not self._held, grace_seconds)
        self._post("leave", {"worker": self._name}, self._api_key, 5)
        if self._refused:
            raise PermissionError(self._refused)

    def _keep_claiming(self, slots):
        failures = 0
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: len(self._held) < slots)
                if self._stopping.is_set():
                    return
                body = {"worker": self._name, "kinds": list(self._handlers), "most": min(slots - len(self._held), 100)}
            body.update(wait_seconds=WAIT_SECONDS, lease_seconds=self._lease)
            status, answer = self._post("claim", body, self._api_key, WAIT_SECONDS + 10)
            if status == 200:
                failures = 0
                for step in map(Step, answer["claims"]):
                    with self._changed:
                        self._held[step.claim_id] = step
                    threading.Thread(target=self._work, args=(step,), daemon=True).start()
            elif answer.get("code") == "worker_ended":  # we were silent for too long; the server has said goodbye
                self._name = "%s-%s" % (self._prefix, uuid.uuid4())
            elif _is_refusal(status):
                self._refused = "opsloop refuses this worker: " + str(answer.get("detail"))
                self._stopping.set()
            else:
                self._unsure_until = time.monotonic() + 60
                failures = self._pause(failures, "steps cannot be claimed", answer)

    def _keep_renewing(self):
        while True:
            time.sleep(RENEW_SECONDS)
            name, held = self._name, dict(self._held)
            if not held and time.monotonic() > self._unsure_until:
                continue
            status, answer = self._post("renew", {"worker": name, "claims": list(held)}, self._api_key, 10)
            for claim in answer["claims"] if status == 200 else ():
                if claim["abort"]:
                    held[claim["claim_id"]].abort(claim["abort"])
            for step in held.values() if status in (401, 403) else ():  # the key has ended, and all claims with it
                step.abort("claim_lost")

    def _work(self, step):
        try:
            verb, body = "complete", {"output": self._handlers[step.kind](step)}
        except Release as given:
            verb, body = "release", given.body
        except BaseException as error:  # also a SystemExit, which would end this thread and never the step
            if step.aborted.is_set():
                # a moment later, so that our own claim that still waits does not take it back
                verb, body = "release", {"reason": step.why_aborted, "retry_in_seconds": 1}
            else:
                failed = error if isinstance(error, Fail) else Fail("%s: %s" % (type(error).__name__, error))
                verb, body = "fail", failed.body
        try:
            json.dumps([body, step.usage], allow_nan=False)
        except Exception as error:
            step.usage, verb, body = [], "fail", Fail("what it gave is no JSON: %s" % error).body
        self._deliver(step, verb, body)
        with self._changed:
            del self._held[step.claim_id]
            self._changed.notify_all()

    def _deliver(self, step, verb, body):
        """Sends an end until it is taken or refused; sent twice, it counts once."""
        failures, path, is_refused = 0, "claims/%s/" % step.claim_id, False
        while time.monotonic() < self._give_up_at:
            status, answer = self._post(path + verb, dict(body, usage=step.usage), step.token, 30)
            if status == 200:
                return
            if _is_refusal(status):
                log.warning("the end of a step (%s) was refused: %s", step.kind, answer.get("detail"))
                if is_refused or status not in (400, 413):
                    return
                # Given up in silence it would be worked again and again, each time for the same.
                is_refused, step.usage = True, []
                verb, body = "fail", Fail(answer.get("detail"), "output_refused", final=True).body
                continue
            failures = self._pause(failures, "a result waits", answer)

    def _pause(self, failures, what, answer):
        if failures == 0:
            log.warning("%s, and is tried again: %s", what, answer.get("detail"))
        growing = min(LONGEST_PAUSE, 0.5 * 2 ** min(failures, 10)) * random.uniform(0.8, 1.2)
        if self._stopping.wait(growing):
            time.sleep(0.2)
        return failures + 1

    def _post(self, path, body, token, timeout):
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        headers["User-Agent"] = "opsloop-worker-python/1"
        try:
            request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers, method="POST")
            with self._opener.open(request, timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            try:
                return error.code, json.load(error)
            except ValueError:
                return error.code, {"detail": str(error)}
        except Exception as error:  # whatever goes wrong out there must not end this thread
            return 0, {"detail": "%s: %s" % (type(error).__name__, error)}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # the key must not travel to wherever a redirect leads


def _is_refusal(status):
    """Sending the same again would give the same."""
    return 400 <= status < 500 and status not in (408, 425, 429)
