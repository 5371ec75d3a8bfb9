// How soon the first view is drawn, beside a database with 100,000 missions: node scripts/measure-dashboard.mjs
import { startScene } from './pictures/server.mjs';

const LOADS = 15;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const scene = await startScene(100_000);
const page = await scene.open();
const painted = [];
const complete = [];
for (let load = 0; load < LOADS; load++) {
  const began = performance.now();
  await page.goto(`${scene.url}/`);
  // The loop's counts, what needs a human, health and figures are all there.
  await page.getByText('admitted today').waitFor();
  await page.getByText('wait for a decision').waitFor();
  await page.getByText('PostgreSQL').waitFor();
  await page.getByText('Wait for the start').waitFor();
  complete.push(performance.now() - began);
  painted.push(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"));
}
const say = (name, values) =>
  process.stdout.write(
    `${name}: median ${Math.round(median(values))} ms, ${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}\n`,
  );
say('first paint', painted);
say('all of Now is there', complete);
await scene.stop();
process.exit(0);
