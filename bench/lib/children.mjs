import { fork } from 'node:child_process';
import { join } from 'node:path';

const running = new Set();

/** Starts a file of children/ as a process of its own. `ask(name, argument)` calls what it offers. */
export function startChild(file) {
  const child = fork(join(import.meta.dirname, '../children', file), { serialization: 'advanced' });
  const asked = new Map();
  let number = 0;
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(`${file}: ${error}`));
  });
  const ended = new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      running.delete(handle);
      for (const { reject } of asked.values()) reject(new Error(`${file} ended with ${code ?? signal}`));
      asked.clear();
      resolve();
    });
  });
  const handle = {
    ask: (name, argument) =>
      new Promise((resolve, reject) => {
        if (!child.connected) return reject(new Error(`${file} has ended`));
        const id = ++number;
        asked.set(id, { resolve, reject });
        child.send({ id, name, argument });
      }),
    /** Lets it end what it holds, then ends it. */
    async stop() {
      await handle.ask('stop');
      child.disconnect();
      await ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  running.add(handle);
  return handle;
}

/** What a cell that failed left running. */
export const killChildren = () => Promise.all([...running].map((child) => child.kill()));

/** The child's side: each member is a function that can be asked for. */
export function offer(functions) {
  process.on('message', ({ id, name, argument }) => {
    Promise.resolve(argument)
      .then(functions[name] ?? (() => Promise.reject(new Error(`nothing is called ${name}`))))
      .then(
        (result) => process.send({ id, result }),
        (error) => process.send({ id, error: error.stack }),
      );
  });
  process.on('disconnect', () => process.exit());
}
