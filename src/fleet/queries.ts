/** Files are applied one after the other, so that each is compared with what it changes. */
export const ONE_AT_A_TIME = 'select pg_advisory_xact_lock(7073010)';
