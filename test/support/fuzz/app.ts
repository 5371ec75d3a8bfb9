import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPERATOR_KEY, useApp } from '../app.ts';
import { eventually } from '../loop.ts';
import { whatIsWrong } from '../history.ts';
import { unreadableLists } from './aftermath.ts';
import { explain, wentDeep } from './report.ts';
import { fuzz, type Report } from './run.ts';

export type Outcome = {
  report: Report;
  /** The report for people. */
  table: string;
  /** Routes that are neither in the document nor in our list. */
  unlisted: string[];
  /** Routes of which the run shows nothing. */
  trivial: string[];
  unreadable: string[];
  broken: string[];
};

/**
 * A listening server of an app that does what is asked and nothing of its own, so that what happens follows from the
 * requests. OPSLOOP_SEED makes them other ones.
 */
export function useFuzzedApp(): (requests: number) => Promise<Outcome> {
  const home = mkdtempSync(join(tmpdir(), 'opsloop-fuzz-home-'));
  const workspace = join(mkdtempSync(join(tmpdir(), 'opsloop-fuzz-')), 'workspace');
  const t = useApp({
    parts: { heartbeat: true, files: true },
    env: { OPSLOOP_HOME: home, OPSLOOP_WORKSPACE: workspace },
  });
  return async (requests) => {
    await eventually(async () => t.app.bridge()?.isOwner());
    const server = await t.serve({ http: { agentRequestsPerMinute: 1e9, failedKeysPerMinute: 1e9 } });
    const report = await fuzz(t, server, {
      requests,
      seed: Number(process.env.OPSLOOP_SEED ?? 20_261_123),
      workspace,
      secrets: [
        { name: "the environment's key", text: OPERATOR_KEY },
        { name: 'the home', text: home },
        { name: 'the name of the database', text: new URL(t.url).pathname.slice(1) },
      ],
    });
    return {
      report,
      table: explain(report),
      unlisted: t.http.routes
        .filter(({ method }) => method !== 'ALL')
        .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
        .filter((route) => !report.statuses.has(route)),
      trivial: wentDeep(report),
      unreadable: await unreadableLists(server.url, report.operations),
      broken: await whatIsWrong(t.database, home),
    };
  };
}
