import { api } from './api.mjs';
import { cost } from './cost.mjs';
import { drain } from './drain.mjs';
import { fairShare } from './fair-share.mjs';
import { footprint } from './footprint.mjs';
import { history } from './history.mjs';
import { idleLatency } from './idle-latency.mjs';
import { load } from './load.mjs';
import { models } from './models.mjs';
import { processes } from './processes.mjs';
import { snapshot } from './snapshot.mjs';

/** In the order in which they are run and told. */
export const CELLS = [
  drain,
  load,
  idleLatency,
  api,
  snapshot,
  history,
  processes,
  fairShare,
  models,
  cost,
  footprint,
];
