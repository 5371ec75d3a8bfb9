import type { InferRequestType, InferResponseType } from 'hono/client';
import type { Client } from 'opsloop/client';

/** The rows of the API, taken from the answers of its routes. */
type Ops = Client['api']['api']['ops'];

/** What a route answers when all is well: `Answered<typeof api.loop.$get>`. */
export type Answered<Route> = InferResponseType<Route, 200>;

export type Session = Answered<Ops['session']['$get']>;
export type OpenedSession = InferResponseType<Ops['session']['$post'], 201>;
export type Scope = Session['scopes'][number];
export type Proposal = Answered<Ops['proposals']['$get']>['proposals'][number];
export type Mission = Answered<Ops['missions']['$get']>['missions'][number];
export type Step = Answered<Ops['steps']['$get']>['steps'][number];
export type Event = Answered<Ops['events']['$get']>['events'][number];
/** What an event can be about. */
export type Entity = NonNullable<InferRequestType<Ops['events']['$get']>['query']['entity']>;
export type PolicyEntry = Answered<Ops['policy']['$get']>['policy'][number];
export type Agent = Answered<Ops['agents']['$get']>['agents'][number];
export type Key = Answered<Ops['keys']['$get']>['keys'][number];
export type Worker = Answered<Ops['workers']['$get']>['workers'][number];
export type Beat = Answered<Ops['heartbeat']['$post']>;
export type PastBeat = Answered<Ops['beats']['$get']>['beats'][number];
export type Health = Answered<Ops['health']['$get']>;
export type TaskFile = Answered<Ops['files']['$get']>['files'][number];
export type FilesStatus = Answered<Ops['files']['status']['$get']>;
export type Listed = Answered<Client['api']['api']['inbox']['$get']>['files'][number];
export type Why = Answered<Ops['missions'][':id']['why']['$get']>['why'];

export type { Progress, Verdict } from 'opsloop/client';
