import type { TestFiles } from './files.ts';
import { eventually } from './loop.ts';

/** After a trouble, the bridge looks again ever more slowly. */
export const RECOVERS_WITHIN_MS = 40_000;

/** What a test asks of the bridge again and again. */
export function watchBridge(t: TestFiles) {
  const status = () => t.app.bridge()?.status();
  const done = (name: string, deadlineMs?: number) => t.appears('inbox', `${name}.done`, deadlineMs);
  const outputsOf = async (stem: string) =>
    (await t.list('outputs')).filter((name) => name.startsWith(`${stem}__`));
  const rowsOf = (name: string) =>
    t.database.query<{ status: string; inode: string | null; proposal_status: string | null }>(
      `select f.status, f.inode, p.status as proposal_status
     from ops_files f left join ops_proposals p on p.id = f.proposal_id where f.name = $1 order by f.id`,
      [name],
    );

  const healthy = () => eventually(async () => status()?.problems.length === 0, RECOVERS_WITHIN_MS);
  /** Everything that was stored, told or written, as one text. */
  async function allThatIsKnown(): Promise<string> {
    const rows = await t.database.query(
      `select to_jsonb(p) as row from ops_proposals p union all select to_jsonb(e) from ops_events e
     union all select to_jsonb(a) from ops_artefacts a union all select to_jsonb(f) from ops_files f`,
    );
    const outputs = await Promise.all((await t.list('outputs')).map((name) => t.read('outputs', name)));
    return JSON.stringify([rows, outputs, status()]);
  }

  /** The bridge has lived on for some seconds: it has renewed its lease. */
  async function someTime(): Promise<void> {
    const lease = async () => {
      const [row] = await t.database.query<{ at: Date }>('select lease_expires_at as at from ops_workspaces');
      return Number(row?.at);
    };
    const from = await lease();
    await eventually(async () => (await lease()) >= from + 5_000);
  }

  return { status, done, outputsOf, rowsOf, someTime, healthy, allThatIsKnown };
}
