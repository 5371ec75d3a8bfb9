// Mistakes that others have made, each put into one line of ours. A suite that lets one pass proves nothing about it.

/**
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} file
 * @property {string} from stands in the file once
 * @property {string} to
 * @property {{ file: string, title: string }[]} killedBy tests that must fail with it, each by a part of its title
 */

/** @type {Mutant[]} */
export const MUTANTS = [
  {
    name: 'a completion does not name its claim',
    file: 'src/engine/complete.ts',
    from: 'where s.id = given.id and s.claim_id = given.claim_id and s.completed_at is null',
    to: 'where s.id = given.id and s.completed_at is null',
    killedBy: [
      {
        file: 'test/engine/claims-are-fenced.test.ts',
        title: 'a lost claim cannot complete, fail or release',
      },
    ],
  },
  {
    name: 'a claim waits for rows that somebody holds',
    file: 'src/engine/claim.ts',
    from: 'for update skip locked) as step',
    to: 'for update) as step',
    killedBy: [
      {
        file: 'test/db/held-rows.test.ts',
        title: 'a step that somebody holds holds up no claim of the others',
      },
    ],
  },
  {
    name: 'an event is written outside the transaction of its change',
    file: 'src/policy/policy.ts',
    from: `      await appendEvents(tx, {
        kind: 'policy.changed',
        source: 'policy',
        entity: 'policy',
        entityId: key,`,
    to: `      await appendEvents(database, {
        kind: 'policy.changed',
        source: 'policy',
        entity: 'policy',
        entityId: key,`,
    killedBy: [
      {
        file: 'test/db/an-event-goes-with-its-change.test.ts',
        title: 'what does not commit leaves neither a change nor an event',
      },
    ],
  },
  {
    name: 'a cap is counted, and then the proposal is inserted',
    file: 'src/loop/queries.ts',
    from: `     counted as (
       insert into ops_counters as c (day, scope, used)
       select day, scope, n from today, given order by scope
       on conflict (day, scope) do update set used = c.used + excluded.used
       returning scope, used)`,
    to: `     counted as (
       select scope, n + (select count(*) from ops_proposals p where p.cap_day = today.day and case
         when scope = 'total' then true when scope like 'kind:%' then p.kind = substr(scope, 6)
         else p.agent_id = substr(scope, 7) end) as used
       from today, given)`,
    killedBy: [{ file: 'test/proof/caps-are-exact.test.ts', title: 'a cap of' }],
  },
  {
    name: 'the log is followed by ids',
    file: 'src/events/queries.ts',
    from: 'from state, unnest(state.gaps) gap, lateral (',
    to: "from state, unnest('{}'::int8multirange) gap, lateral (",
    killedBy: [
      {
        file: 'test/events/sealing.test.ts',
        title: 'a late commit with a lower id is sealed after what was visible before it',
      },
    ],
  },
  {
    name: 'a gate lets pass what it knows nothing of',
    file: 'src/policy/gates.ts',
    from: 'counts[scope] ?? Number.POSITIVE_INFINITY',
    to: 'counts[scope] ?? 0',
    killedBy: [{ file: 'src/policy/gates.test.ts', title: 'a count that is missing counts as full' }],
  },
  {
    name: "a lease is counted from its transaction's beginning",
    file: 'src/engine/workers.ts',
    from: 'lease_expires_at = clock_timestamp() + $4',
    to: 'lease_expires_at = now() + $4',
    killedBy: [
      {
        file: 'test/work/leases-end-where-they-are-renewed.test.ts',
        title: 'a lease is counted from when it is given or renewed',
      },
    ],
  },
  {
    name: 'keys are compared with ===',
    file: 'src/keys/keys.ts',
    from: 'timingSafeEqual(givenDigest, row?.secret_hash ?? NO_DIGEST)',
    to: "givenDigest.toString('hex') === (row?.secret_hash ?? NO_DIGEST).toString('hex')",
    killedBy: [
      {
        file: 'test/keys/secrets-are-compared-in-constant-time.test.ts',
        title: 'a key is compared once in constant time',
      },
    ],
  },
  {
    name: 'any Host is ours',
    file: 'src/http/middleware/check-host.ts',
    from: "wire.values('host').length !== 1 || !hosts.isAllowedHost(host, port)",
    to: "wire.values('host').length !== 1",
    killedBy: [{ file: 'test/http/only-our-hosts-and-pages.test.ts', title: 'evil.example.com:8787' }],
  },
  {
    name: 'links are followed',
    file: 'src/workspace/disk/read-whole.ts',
    from: 'constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK',
    to: 'constants.O_RDONLY | constants.O_NONBLOCK',
    killedBy: [
      { file: 'src/workspace/disk/read-whole.test.ts', title: 'link.txt is refused' },
      {
        file: 'test/http/nobody-gets-out-of-the-outputs.test.ts',
        title: 'no target leads to a file that is not an output',
      },
    ],
  },
  {
    name: 'a file is in place before it is on the disk',
    file: 'src/workspace/disk/put-whole.ts',
    from: '      await file.sync();\n',
    to: '',
    killedBy: [
      {
        file: 'test/workspace/files-are-on-the-disk-first.test.ts',
        title: 'an output is on the disk before it has its name',
      },
    ],
  },
];
