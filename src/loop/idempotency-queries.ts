import type { Db } from '../db/database.ts';

/** Takes Idempotency-Keys for this transaction; a key that is taken is waited for and then left out. */
export async function takeIdempotencyKeys(
  tx: Db,
  given: { owner: string; key: string; digest: string }[],
): Promise<Set<string>> {
  const rows = await tx.query<{ owner: string; idempotency_key: string }>(
    `insert into ops_idempotency (owner, idempotency_key, request_digest)
     select * from unnest($1::text[], $2::text[], $3::text[]) as given(owner, key, digest) order by owner, key
     on conflict do nothing
     returning owner, idempotency_key`,
    [given.map((g) => g.owner), given.map((g) => g.key), given.map((g) => g.digest)],
  );
  return new Set(rows.map((row) => `${row.owner} ${row.idempotency_key}`));
}

export type IdempotencyRow = {
  owner: string;
  idempotency_key: string;
  request_digest: string;
  status: number | null;
  answer: unknown;
};

export function selectIdempotency(
  tx: Db,
  given: { owner: string; key: string }[],
): Promise<IdempotencyRow[]> {
  return tx.query<IdempotencyRow>(
    `select * from ops_idempotency
     where (owner, idempotency_key) in (select * from unnest($1::text[], $2::text[]))`,
    [given.map((g) => g.owner), given.map((g) => g.key)],
  );
}

export async function deleteIdempotency(tx: Db, given: { owner: string; key: string }[]): Promise<void> {
  await tx.query(
    `delete from ops_idempotency where (owner, idempotency_key) in (select * from unnest($1::text[], $2::text[]))`,
    [given.map((g) => g.owner), given.map((g) => g.key)],
  );
}

export async function storeAnswers(
  tx: Db,
  answers: { owner: string; key: string; status: number; answer: unknown }[],
): Promise<void> {
  await tx.query(
    `update ops_idempotency i set status = given.status, answer = given.answer
     from unnest($1::text[], $2::text[], $3::integer[], $4::jsonb[]) as given(owner, key, status, answer)
     where i.owner = given.owner and i.idempotency_key = given.key`,
    [
      answers.map((one) => one.owner),
      answers.map((one) => one.key),
      answers.map((one) => one.status),
      answers.map((one) => JSON.stringify(one.answer)),
    ],
  );
}
