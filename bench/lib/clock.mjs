import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds of the clock that all processes of a machine share, so that one can stamp and another compare. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

export const pause = (ms) => delay(ms);

/** A pause of no fixed length, so that what polls is not met again and again at the same point. */
export const somePause = (fromMs, toMs) => delay(fromMs + Math.random() * (toMs - fromMs));
