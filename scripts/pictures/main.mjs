// Pictures of every view, wide and narrow, light and dark, of a database with 100,000 missions:
//   npm run pictures [-- --to folder] [--missions 1000] [--only now-wide-light]
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startScene } from './server.mjs';

const { values: options } = parseArgs({
  options: {
    to: { type: 'string', default: 'pictures' },
    missions: { type: 'string', default: '100000' },
    only: { type: 'string', default: '' },
  },
});
const SIZES = { wide: { width: 1280, height: 860 }, narrow: { width: 390, height: 844 } };
/** What is quick has ended by then, and what does not move is known as such. */
const SETTLE_MS = 65_000;

const scene = await startScene(Number(options.missions));
try {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  await takePictures();
} finally {
  await scene.stop();
}
process.exit(0);

async function takePictures() {
  const first = async (path, name) => (await scene.ask(path))[name][0].id;
  const places = {
    now: '/',
    proposals: '/proposals',
    proposal: `/proposals/${await first('/api/ops/proposals?status=pending&limit=1', 'proposals')}`,
    missions: '/missions',
    mission: `/missions/${await first('/api/ops/missions?status=completed&limit=1', 'missions')}`,
    'mission-failed': `/missions/${await first('/api/ops/missions?status=failed&limit=1', 'missions')}`,
    events: '/events',
    policy: '/policy',
    'policy-daily-caps': '/policy/daily_caps',
    agents: '/agents',
    agent: '/agents/research',
    schedules: '/schedules',
    workers: '/workers',
    files: '/files',
  };
  await mkdir(options.to, { recursive: true });
  for (const [size, viewport] of Object.entries(SIZES))
    for (const colorScheme of ['light', 'dark']) {
      const page = await scene.open({ viewport, colorScheme });
      for (const [name, path] of Object.entries(places)) {
        const file = `${name}-${size}-${colorScheme}`;
        if (!file.startsWith(options.only)) continue;
        await page.goto(scene.url + path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page
          .getByText(/^(Reading|Opening) .*…$/)
          .first()
          .waitFor({ state: 'detached' });
        await page.waitForTimeout(500);
        await page.screenshot({ path: join(options.to, `${file}.png`), fullPage: size === 'narrow' });
      }
      await page.context().close();
    }
}
