"""Works steps of kind "shout": the proposal's body in capitals. SLOW makes each take so many seconds."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../clients/python"))
from opsloop_worker import Fail, Worker

worker = Worker(name=os.environ.get("NAME", "shout"), lease_seconds=10)


@worker.step("shout")
def shout(step):
    print("shouting", step.proposal["title"], flush=True)
    if step.aborted.wait(float(os.environ.get("SLOW", "0"))):
        raise Fail("it was told to stop: " + step.why_aborted)
    return {"text": step.proposal["body"].upper()}


worker.run(slots=2)
