import { graphileWorker } from './graphile-worker.mjs';
import { opsloop } from './opsloop.mjs';
import { pgBoss } from './pg-boss.mjs';

const MAKERS = { opsloop, 'graphile-worker': graphileWorker, 'pg-boss': pgBoss };

/** The participant that another process means: a participant itself cannot be sent. */
export const bySpec = ([maker, options]) => MAKERS[maker](options);
