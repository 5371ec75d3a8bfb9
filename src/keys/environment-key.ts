import { type Caller, SCOPES } from './schema.ts';

/** The id of the key that OPSLOOP_API_KEY holds; it has no row. */
export const ENVIRONMENT_KEY = 'environment';

export const ENVIRONMENT_CALLER: Caller = {
  by: `key:${ENVIRONMENT_KEY}`,
  keyId: ENVIRONMENT_KEY,
  name: 'OPSLOOP_API_KEY',
  agentId: null,
  scopes: SCOPES,
  kinds: null,
};
