import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { App } from '../app.ts';
import type { Health } from '../health/health.ts';
import { readTotalFigures } from '../tallies/stats.ts';
import type { Figures } from '../tallies/schema.ts';
import type { Streams } from './stream/streams.ts';

export type Metrics = {
  observe(method: string, route: string, status: number, seconds: number): void;
  /** All metrics in the text format of Prometheus. */
  text(): Promise<string>;
  contentType: string;
  close(): void;
};

export function makeMetrics(app: App, streams: Streams): Metrics {
  const registry = new Registry();
  const loop = monitorEventLoopDelay({ resolution: 20 });
  loop.enable();
  const requests = new Histogram({
    name: 'opsloop_http_request_duration_seconds',
    help: 'Time from the headers of a request to those of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const setHealth = makeHealthGauges(registry);
  const setTotals = makeTotals(registry);
  const openStreams = gauge(registry, 'opsloop_event_streams', 'Readers that follow the log.');
  const lag = gauge(registry, 'nodejs_eventloop_lag_p99_seconds', 'Event loop delay since the last scrape.');
  const memory = gauge(registry, 'process_resident_memory_bytes', 'Memory that the process holds.');
  const cpu = gauge(registry, 'process_cpu_seconds', 'CPU time the process has used.');

  return {
    observe: (method, route, status, seconds) =>
      requests.observe({ method, route, status: String(status) }, seconds),
    async text() {
      setHealth(await app.health());
      setTotals(await readTotalFigures(app.database));
      openStreams.set(streams.count());
      lag.set(Number.isFinite(loop.percentile(99)) ? loop.percentile(99) / 1e9 : 0);
      loop.reset();
      memory.set(process.memoryUsage.rss());
      const { user, system } = process.cpuUsage();
      cpu.set((user + system) / 1e6);
      return registry.metrics();
    },
    contentType: registry.contentType,
    close: () => void loop.disable(),
  };
}

function gauge(registry: Registry, name: string, help: string): Gauge {
  return new Gauge({ name, help, registers: [registry] });
}

/** Counted in the database, by all processes together: whoever scrapes several of them takes the highest. */
function makeTotals(registry: Registry): (figures: Figures) => void {
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const proposals = counter('opsloop_proposals_total', 'Proposals that were made.');
  const rejected = counter('opsloop_proposals_rejected_total', 'Proposals that were refused or rejected.');
  const missions = counter('opsloop_missions_ended_total', 'Ends of missions.', 'outcome');
  const steps = counter('opsloop_steps_completed_total', 'Steps that were completed.');
  const failures = counter('opsloop_step_failures_total', 'Attempts of steps that failed.');
  const tokens = counter('opsloop_tokens_total', 'Tokens of model calls, as far as known.', 'direction');
  const cost = counter('opsloop_cost_usd_total', 'Cost of model calls in US dollars, as far as known.');

  return (figures) => {
    for (const each of [proposals, rejected, missions, steps, failures, tokens, cost]) each.reset();
    proposals.inc(figures.proposals);
    rejected.inc(figures.rejected);
    for (const outcome of ['succeeded', 'failed', 'cancelled'] as const)
      missions.inc({ outcome }, figures[outcome]);
    steps.inc(figures.steps);
    failures.inc(figures.step_failures);
    tokens.inc({ direction: 'in' }, figures.tokens_in);
    tokens.inc({ direction: 'out' }, figures.tokens_out);
    cost.inc(figures.cost_microusd / 1e6);
  };
}

function makeHealthGauges(registry: Registry): (health: Health) => void {
  const info = new Gauge({
    name: 'opsloop_info',
    help: 'Always 1; the labels name the versions.',
    labelNames: ['version', 'postgres'],
    registers: [registry],
  });
  const items = new Gauge({
    name: 'opsloop_items',
    help: 'Items of the loop that are not settled, by what they are and do.',
    labelNames: ['state'],
    registers: [registry],
  });
  const connections = new Gauge({
    name: 'opsloop_database_connections',
    help: 'Connections of this process, and callers that wait for one.',
    labelNames: ['state'],
    registers: [registry],
  });
  const latency = gauge(registry, 'opsloop_database_latency_seconds', 'Time of one small query.');
  const workers = gauge(registry, 'opsloop_workers_alive', 'Workers whose lease holds.');
  const beat = gauge(
    registry,
    'opsloop_last_beat_age_seconds',
    'Time since the last beat; -1 before the first.',
  );
  const sealing = gauge(registry, 'opsloop_sealing_lag_seconds', 'Age of the oldest event without a seal.');
  const seq = gauge(registry, 'opsloop_events_sealed', 'The number of the last sealed event.');
  const paused = gauge(registry, 'opsloop_paused', '1 when everything is paused.');
  const problems = gauge(registry, 'opsloop_problems', 'How many things are wrong, as in /api/ops/health.');

  return (health) => {
    info.reset();
    info.set({ version: health.version, postgres: health.database.version }, 1);
    for (const [state, count] of Object.entries(health.counts)) items.set({ state }, count);
    for (const [state, count] of Object.entries(health.database.connections))
      connections.set({ state }, count);
    latency.set(health.database.latency_ms / 1000);
    workers.set(health.workers.alive);
    beat.set(health.last_beat_age_seconds ?? -1);
    sealing.set(health.events.sealing_lag_ms / 1000);
    seq.set(health.events.seq);
    paused.set(health.paused.enabled ? 1 : 0);
    problems.set(health.problems.length);
  };
}
