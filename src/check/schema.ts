/** What must hold of every history, and the name each rule has in reports. */
export const RULES = {
  sealed: 'the log is what was sealed: no gap, no change, one chain',
  legal_moves: 'every thing went only through states that follow each other, and left no terminal one',
  log_is_state: 'replaying the log gives the tables, row by row',
  one_claim: 'a step has one claim at a time, each with a number and a name of its own',
  fenced: 'only the newest claim of a step ended it; what came later is no output',
  nothing_lost: 'what was admitted or acknowledged is there, and what is open can go on',
  done_once: 'a step has one output, a publication one artefact, a due time one proposal',
  missions_end_once: 'a mission ends once, and as its steps did',
  caps: 'of the proposals of a day no two were admitted on the same count, so no cap let more pass than it allows',
  decisions: 'each decision follows from the policy and the counts that it saw',
} as const;
export type Rule = keyof typeof RULES;

/** An event as the checker reads it. Times are texts of JSON, because a Date has no microseconds. */
export type LoggedEvent = {
  /** Its place in the order; null while it waits for its seal. */
  seq: number | null;
  id: number;
  kind: string;
  entity: string | null;
  entity_id: string | null;
  /** The thread that it belongs to. */
  proposal_id: string | null;
  at: string;
  payload: Record<string, unknown> | null;
};

/** A row as JSON. Large contents are their digests. */
export type Row = Record<string, unknown>;
/** Rows by their ids. */
export type Rows = Map<string, Row>;

/** What went against a rule: which thing, in which events. */
export type Finding = {
  rule: Rule;
  entity: string;
  id: string;
  what: string;
  events: { seq: number | null; id: number; kind: string }[];
};
