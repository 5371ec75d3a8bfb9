/** Who is on the stage, by name: the plan is made before any of them is there. */
export const SERVERS = ['server-1', 'server-2', 'server-3'] as const;
/** Of `opsloop worker`; the clocks of the second and the third are faked. */
export const WORKERS = ['worker-1', 'worker-2', 'worker-3'] as const;
/** Workers over HTTP, in Python. */
export const CARRIERS = ['carrier-1', 'carrier-2'] as const;

/** The third server goes through PgBouncer instead. */
export const DATABASE_LINKS = ['server-1', 'server-2', 'worker-1', 'worker-2', 'worker-3'].map(
  (name) => `${name} -> database`,
);
export const API_LINKS = SERVERS.map((name) => `clients -> ${name}`);

/** Only the clock on its wall is faked. */
export const WALL_CLOCK = 'worker-2';
/** The clock that its timers use is faked, too. */
export const ALL_CLOCKS = 'worker-3';
