import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import { makeMcpServer } from './server.ts';
import type { Door } from './tool.ts';

/**
 * Answers one POST of MCP's streamable HTTP, without a session: every request stands for itself, so that a restart or
 * another server is no matter. Both generations of the protocol are spoken.
 * @param doorOf the tools' way in, for the key of the request
 */
export function makeMcpHandler(doorOf: (key: string) => Door): McpHttpHandler {
  return createMcpHandler(({ authInfo }) => makeMcpServer(doorOf(authInfo?.token ?? '')), {
    // Nothing that could be listened to ever changes, and a stream for it would outlive its key.
    maxSubscriptions: 0,
  });
}
