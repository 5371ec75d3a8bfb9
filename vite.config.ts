import { defineConfig } from 'vite';

const SERVER = process.env.OPSLOOP_URL ?? 'http://127.0.0.1:8787';

/** The dashboard. What it is built into is served by the API, under its Content-Security-Policy: nothing inline. */
export default defineConfig(({ command }) => {
  // What is built is for use, whatever the environment of the one who builds says.
  if (command === 'build') process.env.NODE_ENV = 'production';
  return {
    root: 'src/dashboard',
    publicDir: false,
    build: {
      outDir: '../../dist/dashboard',
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: {
        onLog(level, log, tell) {
          // "use client" is for servers that draw pages; there is none here.
          if (log.code !== 'MODULE_LEVEL_DIRECTIVE') tell(level, log);
        },
      },
    },
    css: { modules: { localsConvention: 'camelCaseOnly' } },
    // `npm run dashboard`: the API of a running server, which must take its own page for the one that asks.
    server: { proxy: { '/api': { target: SERVER, changeOrigin: true, headers: { origin: SERVER } } } },
  };
});
