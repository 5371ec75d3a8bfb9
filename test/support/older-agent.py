"""An agent of the older, file-based kind: works off <folder>/inbox/*.txt until <folder>/stop is there."""
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"))

from opsloop_events import Reporter  # noqa: E402

folder = pathlib.Path(sys.argv[1])
reporter = Reporter(spool=os.environ.get("AGENT_SPOOL"))


def work(task):
    text = task.read_text()
    reporter.task_started(task.name)
    if text.startswith("fail: "):
        task.rename(task.with_name(task.name + ".failed"))
        reporter.task_failed(task.name, text[len("fail: ") :])
        return
    output = folder / "outputs" / "{}__{}.md".format(task.stem, time.strftime("%Y-%m-%d_%H-%M-%S"))
    output.write_text("# {}\n\n{}\n".format(task.stem, text))
    reporter.output_created(output.name)
    if text.startswith("next: "):
        following = task.with_name(text[len("next: ") :])
        reporter.next_created(following.name, parent=task.name)
        following.write_text("from " + task.name)
    reporter.task_done(task.name)
    task.rename(task.with_name(task.name + ".done"))


print("the agent works", flush=True)
while not (folder / "stop").exists():
    for task in sorted((folder / "inbox").glob("*.txt")):
        work(task)
    time.sleep(0.02)
print("all is sent" if reporter.flush(float(os.environ.get("AGENT_FLUSH", "10"))) else "something is unsent", flush=True)
