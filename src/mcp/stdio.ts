import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { makeMcpServer } from './server.ts';
import type { Door } from './tool.ts';

/** Speaks MCP on the standard input and output until the input ends. */
export function speakMcp(door: Door): void {
  serveStdio(() => makeMcpServer(door), { onerror: door.report, maxSubscriptions: 0 });
}
