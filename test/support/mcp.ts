import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as now from '@modelcontextprotocol/client';
import * as nowStdio from '@modelcontextprotocol/client/stdio';
import { Client as OlderClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OlderStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OlderHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

/** 1.30 is what OpenClaw has; the current client speaks the older protocol unless it is told to look for the newer. */
export const CLIENTS = ['1.30', 'current', 'current, newest protocol'] as const;
export const WAYS = ['http', 'stdio'] as const;
export type Connecting = { client: (typeof CLIENTS)[number]; way: (typeof WAYS)[number] };

export const EVERY_CONNECTION: Connecting[] = CLIENTS.flatMap((client) =>
  WAYS.map((way) => ({ client, way })),
);

export type Answer = {
  text: string;
  /** The structured content; empty where the call failed. */
  value: {
    proposal?: { id: string; status: string; outcome: string | null; title: string };
    [member: string]: unknown;
  };
  /** The code that the text of a failure begins with; null: it succeeded. */
  code: string | null;
};

export type ListedTool = {
  name: string;
  description?: string | undefined;
  inputSchema: { properties?: object; required?: string[] };
  outputSchema?: object | undefined;
};

type CallOptions = { signal?: AbortSignal; onprogress?: (progress: { progress: number }) => void };

/** A program that speaks MCP, as an agent's is. */
export type McpAgent = {
  tools(): Promise<ListedTool[]>;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
};

export async function connectAgent(
  { client, way }: Connecting,
  { url, key, env = {} }: { url: string; key: string; env?: Record<string, string> },
): Promise<McpAgent> {
  const address = new URL('/mcp', url);
  const http = { requestInit: { headers: { authorization: `Bearer ${key}` } } };
  const stdio = {
    command: process.execPath,
    args: [MAIN, 'mcp'],
    env: {
      OPSLOOP_HOME: mkdtempSync(join(tmpdir(), 'opsloop-mcp-')),
      OPSLOOP_URL: url,
      OPSLOOP_API_KEY: key,
      ...env,
    },
    stderr: 'ignore' as const,
  };
  const info = { name: 'test', version: '1' };
  if (client === '1.30') {
    const older = new OlderClient(info);
    const transport = way === 'http' ? new OlderHttp(address, http) : new OlderStdio(stdio);
    await older.connect(transport);
    return {
      tools: async () => (await older.listTools()).tools,
      call: async (name, args = {}, options = {}) =>
        toAnswer(await older.callTool({ name, arguments: args }, undefined, options)),
      close: () => older.close(),
    };
  }
  const current = new now.Client(info, {
    versionNegotiation: { mode: client === 'current' ? 'legacy' : 'auto' },
  });
  await current.connect(
    way === 'http'
      ? new now.StreamableHTTPClientTransport(address, http)
      : new nowStdio.StdioClientTransport(stdio),
  );
  return {
    tools: async () => (await current.listTools()).tools,
    call: async (name, args = {}, options = {}) =>
      toAnswer(await current.callTool({ name, arguments: args }, options)),
    close: () => current.close(),
  };
}

function toAnswer(result: unknown): Answer {
  const { content, structuredContent, isError } = result as {
    content: { type: string; text: string }[];
    structuredContent?: Answer['value'];
    isError?: boolean;
  };
  const [{ text } = { text: '' }] = content;
  return {
    text,
    value: structuredContent ?? {},
    code: isError ? (/^([a-z_]+): /.exec(text)?.[1] ?? 'none') : null,
  };
}
