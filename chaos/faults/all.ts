import { CLOCK_FAULTS } from './clocks.ts';
import { DATABASE_FAULTS } from './database.ts';
import type { Fault } from './fault.ts';
import { NETWORK_FAULTS } from './network.ts';
import { PROCESS_FAULTS } from './processes.ts';
import { SURROUNDING_FAULTS } from './surroundings.ts';

export const FAULTS: Fault[] = [
  ...PROCESS_FAULTS,
  ...CLOCK_FAULTS,
  ...NETWORK_FAULTS,
  ...DATABASE_FAULTS,
  ...SURROUNDING_FAULTS,
];
