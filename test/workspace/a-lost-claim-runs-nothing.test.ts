import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { makeQueue } from '../../src/engine/queue.ts';
import { registerWorker } from '../../src/engine/workers.ts';
import { silentLog } from '../../src/log.ts';
import { approve } from '../../src/loop/decide.ts';
import { cancelMission } from '../../src/loop/missions.ts';
import { workAttempt } from '../../src/worker/attempt.ts';
import { makeFinisher } from '../../src/worker/finisher.ts';
import { makeProviderHolds } from '../../src/worker/provider-holds.ts';
import { makeExec } from '../../src/workspace/handlers/exec.ts';
import { useFiles } from '../support/files.ts';
import { claimFrom, eventually } from '../support/loop.ts';

const t = useFiles({ parts: { worker: false } });

test.each(['is cancelled', 'holds'])('a command whose claim %s before its worker wakes up', async (what) => {
  await t.policy('exec_policy', {
    enabled: true,
    approval_files: false,
    timeout_seconds: 60,
    max_output_bytes: 2_000,
  });
  await t.drop(`${what}.txt`, 'EXEC: touch ran');
  const id = await eventually(async () => {
    const [row] = await t.database.query<{ id: string }>(
      "select id from ops_proposals where status = 'pending'",
    );
    return row?.id;
  });
  await approve(t.database, id, { by: 'key:test' });
  await registerWorker(t.database, {
    workerId: what,
    host: 'test',
    pid: 1,
    version: '0',
    kinds: { exec: 1 },
  });
  const [claim] = await claimFrom(makeQueue(t.database), what, { exec: 1 });
  if (!claim) throw new Error('nothing was claimed');
  if (what === 'is cancelled') await cancelMission(t.database, claim.mission_id ?? '', { by: 'test' });

  const closing = new AbortController();
  const exec = makeExec({
    database: t.database,
    workspace: t.workspace,
    env: { PATH: '/usr/bin:/bin' },
    ownWorkspace: () => t.app.bridge()?.processing() ?? null,
  });
  const deps = {
    database: t.database,
    llm: t.app.llm,
    finisher: makeFinisher(t.database, what, closing.signal, silentLog()),
    agentModel: () => undefined,
    holds: makeProviderHolds(),
    begunOnce: new Set<string>(),
    closing: closing.signal,
    log: silentLog(),
  };
  await workAttempt(deps, claim, exec, new AbortController().signal);
  expect((await readdir(t.workspace)).includes('ran')).toBe(what === 'holds');
});
