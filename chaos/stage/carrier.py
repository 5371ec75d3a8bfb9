"""Works steps of kind "carry" over HTTP, as a worker in another language would."""
import os
import random
import sys

sys.path.insert(0, os.environ["OPSLOOP_CHAOS_CLIENTS"])
from opsloop_worker import Worker

worker = Worker(name=os.environ["OPSLOOP_CHAOS_NAME"], lease_seconds=10)


@worker.step("carry")
def carry(step):
    step.aborted.wait(random.uniform(0.1, 1))
    return {"carried": step.proposal["title"], "attempt": step.attempt}


worker.run(slots=4)
