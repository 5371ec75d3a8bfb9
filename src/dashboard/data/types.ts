import type { InferResponseType } from 'hono/client';
import type { Client } from 'opsloop/client';

/** The rows of the API, taken from the answers of its routes. */
type Ops = Client['api']['api']['ops'];
type Answer<Route> = InferResponseType<Route, 200>;

export type Session = Answer<Ops['session']['$get']>;
export type Scope = Session['scopes'][number];
export type Proposal = Answer<Ops['proposals']['$get']>['proposals'][number];
export type Mission = Answer<Ops['missions']['$get']>['missions'][number];
export type Step = Answer<Ops['steps']['$get']>['steps'][number];
export type Event = Answer<Ops['events']['$get']>['events'][number];
export type PolicyEntry = Answer<Ops['policy']['$get']>['policy'][number];
export type Agent = Answer<Ops['agents']['$get']>['agents'][number];
export type Key = Answer<Ops['keys']['$get']>['keys'][number];
export type Worker = Answer<Ops['workers']['$get']>['workers'][number];
export type Health = Answer<Ops['health']['$get']>;
export type TaskFile = Answer<Ops['files']['$get']>['files'][number];
export type Why = Answer<Ops['missions'][':id']['why']['$get']>['why'];
