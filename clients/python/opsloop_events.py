"""Tells an opsloop server what an agent's program does. One file, standard library only, Python 3.8 or newer, MIT.

No call waits for the network or raises because of it: a thread of its own sends, in order, in batches. A batch keeps
its Idempotency-Key over all its tries, so that a lost answer doubles nothing.
"""
import atexit
import collections
import datetime
import email.utils
import ipaddress
import itertools
import json
import logging
import os
import random
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

MOST_EVENTS = 10_000  # kept while the server is away
BATCH_EVENTS, BATCH_BYTES, PAYLOAD_BYTES = 100, 512 * 1024, 16_000
LONGEST_PAUSE, LONGEST_OBEYED = 60, 3600
KIND = re.compile(r"(file|agent)\.[a-z0-9_]{1,60}(\.[a-z0-9_]{1,60})?")
log = logging.getLogger("opsloop_events")


class Reporter:
    def __init__(self, url=None, api_key=None, spool=None, timeout=10):
        """spool: a file of this process alone, which keeps what is unsent when the process ends."""
        self._url = (url or os.environ.get("OPSLOOP_URL") or "http://127.0.0.1:8787").rstrip("/") + "/api/ops/events"
        self._api_key = (api_key or os.environ.get("OPSLOOP_API_KEY") or "").strip()
        address = urllib.parse.urlsplit(self._url)
        if address.scheme not in ("http", "https") or not address.hostname or "@" in address.netloc:
            raise ValueError("OPSLOOP_URL (or url=) must be like http://127.0.0.1:8787, without a user or password")
        if not re.fullmatch(r"[\x21-\x7e]+", self._api_key):
            raise ValueError("OPSLOOP_API_KEY (or api_key=) must be a key: opsloop keys create <name> --scopes emit")
        proxies = urllib.request.ProxyHandler({} if _is_loopback(address.hostname) else None)
        self._opener = urllib.request.build_opener(proxies, _NoRedirect)
        self._timeout = timeout
        self._changed = threading.Condition()  # guards all that follows
        self._events = collections.deque()  # as JSON, the oldest first
        self._batch, self._size = None, 0  # the Idempotency-Key under which the first `size` events are sent
        self._batch_events, self._dropped = BATCH_EVENTS, 0
        self._is_closed = self._hurry = False
        self._spool, self._appended, self._is_spooled = spool and os.fspath(spool), 0, True
        if spool:
            self._read_spool()
        threading.Thread(target=self._run, name="opsloop-events", daemon=True).start()
        atexit.register(self.close)

    def task_started(self, filename):
        self._tell("task_started", filename)

    def task_done(self, filename):
        self._tell("task_completed", filename, filename=os.path.basename(os.fspath(filename)) + ".done")

    def task_failed(self, filename, reason):
        self._tell("task_failed", filename, reason=str(reason)[:2000])

    def next_created(self, filename, parent):
        self._tell("task_created", filename, parent=os.path.basename(os.fspath(parent)))

    def output_created(self, filename):
        self.emit("file.output_created", {"filename": os.path.basename(os.fspath(filename)), "dir": "outputs"})

    def _tell(self, what, path, **more):
        name = os.path.basename(os.fspath(path))
        self.emit("file." + what, {"filename": name, "stem": os.path.splitext(name)[0], "dir": "inbox", **more})

    def emit(self, kind, payload=None):
        """Notes an event. Only a kind that no server would take raises: that is a mistake in the program."""
        if not KIND.fullmatch(kind):
            raise ValueError('%r is no kind; one is like "file.task_created" or "agent.note"' % (kind,))
        event = _encode(kind, payload)
        with self._changed:
            if not self._is_closed:
                self._put(event)
                self._write_spool(event)
                self._changed.notify_all()

    def flush(self, timeout=5):
        """Waits until all is sent; True when it is. A pause after a failure is cut short."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closed or not self._unsent(), timeout)
            return not self._unsent()

    def close(self, timeout=2):
        """Sends what it can in that time. What is left then is in the spool, or lost."""
        atexit.unregister(self.close)
        self.flush(timeout)
        with self._changed:
            if self._unsent() and not self._spool and not self._is_closed:
                log.warning("opsloop: %d event(s) were not sent and are lost", self._unsent())
            self._is_closed = True
            self._changed.notify_all()

    def _unsent(self):
        return len(self._events) + self._dropped

    def _put(self, event):
        self._events.append(event)
        if len(self._events) - self._size > MOST_EVENTS:
            del self._events[self._size]  # the oldest that is not being sent
            self._dropped += 1

    def _take_batch(self):
        if self._dropped:
            self._events.appendleft(_encode("agent.events_dropped", {"count": self._dropped}))
            self._dropped = 0
        sizes = itertools.accumulate(len(event) + 1 for event in itertools.islice(self._events, self._batch_events))
        self._batch, self._size = str(uuid.uuid4()), max(1, sum(size <= BATCH_BYTES for size in sizes))
        self._write_spool()

    def _end_batch(self, forget):
        """A refused batch that is not forgotten comes again in halves, so that only what is refused is lost."""
        for _ in range(self._size if forget else 0):
            self._events.popleft()
        self._batch_events = min(BATCH_EVENTS, self._batch_events * 2) if forget else self._size // 2
        self._batch, self._size = None, 0
        self._write_spool()
        self._changed.notify_all()

    def _run(self):
        failures, is_told = 0, False
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed or self._unsent())
                if self._is_closed:
                    return
                if not self._batch:
                    self._take_batch()
                events = list(itertools.islice(self._events, self._size))
                self._hurry = False
            status, wait, said = self._send(self._batch, events)
            is_wrong_key = status in (401, 403)
            is_over = status == 201 or 400 <= status < 500 and status not in (401, 403, 408, 409, 425, 429)
            in_halves = status in (400, 413, 422) and len(events) > 1
            if is_over and status != 201 and not in_halves:
                log.warning("opsloop refused %d event(s), which are dropped: %s", len(events), said)
            elif not is_over and not is_told:
                log.warning("opsloop does not take events, which are kept and tried again: %s", said)
            is_told = not is_over
            with self._changed:
                if is_over:
                    failures = 0
                    self._end_batch(forget=not in_halves)
                    continue
                growing = min(LONGEST_PAUSE, 2 ** min(failures, 10) * random.uniform(1, 1.25))
                failures += 1
                pause = LONGEST_PAUSE if is_wrong_key else wait or growing
                # Who flushes does not wait out a pause of ours, but one that the server asked for.
                self._changed.wait_for(lambda: self._is_closed or (self._hurry and not wait), pause)

    def _send(self, batch, events):
        """Gives the status (0: no answer), the seconds that the server asks to wait, and what to log of it."""
        headers = {"Authorization": "Bearer " + self._api_key, "Content-Type": "application/json"}
        headers.update({"Idempotency-Key": batch, "User-Agent": "opsloop-events-python/1"})
        wait, said = 0, ""
        try:
            body = b'{"events":[' + b",".join(events) + b"]}"
            request = urllib.request.Request(self._url, body, headers, method="POST")
            with self._opener.open(request, timeout=self._timeout) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status, wait, said = error.code, _seconds(error.headers.get("Retry-After")), _detail(error)
        except Exception as error:  # whatever goes wrong out there must not end this thread
            status, said = 0, "%s: %s" % (type(error).__name__, error)
        said = "%s: %d %s" % (self._url, status, said.replace(self._api_key, "***")[:500])
        return status, wait, "".join(letter if letter.isprintable() else " " for letter in said)

    def _read_spool(self):
        lock = os.open(self._spool + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until this process ends, however it does
        except BlockingIOError:
            raise ValueError("another process uses the spool %s; give each its own" % self._spool) from None
        except (ImportError, OSError):
            pass  # Windows, and file systems without locks
        if os.path.exists(self._spool):
            with open(self._spool, "rb") as file:
                lines = file.read().split(b"\n")[:-1]  # a process that was killed leaves half a line
            try:
                state = json.loads(lines[0])
                self._batch, self._size, self._dropped = state["batch"], state["size"], state["dropped"]
            except (LookupError, ValueError):
                log.warning("opsloop: the first line of the spool %s is unreadable", self._spool)
            for event in lines[1:]:
                self._put(event)
        self._write_spool()

    def _write_spool(self, event=None):
        """Appends an event; or writes it anew, as a whole: a line of state, then a line for each event."""
        if not self._spool:
            return
        try:
            if event and self._appended < MOST_EVENTS:
                self._appended += 1
                with open(self._spool, "ab") as file:
                    file.write(event + b"\n")
                return
            state = {"batch": self._batch, "size": self._size, "dropped": self._dropped}
            with open(self._spool + ".new", "wb", opener=_open_private) as file:
                file.write(b"\n".join([json.dumps(state).encode(), *self._events, b""]))
            os.replace(self._spool + ".new", self._spool)
            self._appended = 0
            self._is_spooled = True
        except OSError as error:
            self._appended = MOST_EVENTS  # the next time as a whole, so that no half of a line stays
            if self._is_spooled:
                log.warning("opsloop: the spool cannot be written, what is unsent is in memory only: %s", error)
            self._is_spooled = False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None  # the key must not travel to wherever a redirect leads


def _open_private(path, flags):
    return os.open(path, flags, 0o600)


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _seconds(retry_after):
    """A Retry-After is a number or a date."""
    try:
        number = float(retry_after) if retry_after.isdigit() else None
        seconds = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time() if number is None else number
        return min(max(seconds, 1), LONGEST_OBEYED)
    except Exception:
        return 0


def _detail(error):
    try:
        with error:
            return str(json.loads(error.read(10_000))["detail"])
    except Exception:
        return str(error)


def _encode(kind, payload):
    """The event as JSON that every server takes. What cannot be told leaves a note of that."""
    told = at = {"at": datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")}
    try:
        told = {**at, **_clean(dict(payload or {}))}
        if len(_json(told)) > PAYLOAD_BYTES:
            told = {**at, "problem": "the payload has more than %d bytes of JSON" % PAYLOAD_BYTES}
    except Exception as error:
        told = {**at, "problem": "the payload is no JSON: " + type(error).__name__}
    return _json({"kind": kind, "payload": told})


def _json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _clean(value, depth=0):
    """Names of files can hold half a character, and numbers more than JSON keeps; one such must not spoil a batch."""
    if isinstance(value, dict) and depth < 20:
        return {_clean(str(name)): _clean(each, depth + 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)) and depth < 20:
        return [_clean(each, depth + 1) for each in value]
    if value is None or isinstance(value, (int, float)) and abs(value) < 2**53:
        return value
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()
