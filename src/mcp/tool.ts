import type { CallToolResult, McpServer, ServerContext } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { Client } from '../client.ts';
import { AppError, toError } from '../errors.ts';
import { visibleJson } from '../lib/visible.ts';

/** What the tools stand on: the API, with the key of whoever calls them. */
export type Door = {
  /**
   * Asked at each call, because a server can come back under another address.
   * @param signal aborts when nobody waits for the call any more
   */
  client(signal: AbortSignal): Promise<Client>;
  /** The agent that an operator's key speaks for here; an agent's key names its own. */
  agentId?: string;
  /** Keeps what no caller is told: a mistake of ours. */
  report(error: Error): void;
};

/** One call of a tool. */
export type Call = {
  client: Client;
  /** For requests that name the agent; empty where the key does. */
  agent: { agent_id?: string };
  /** Aborts when the caller cancels or leaves. */
  signal: AbortSignal;
  /** Says how far it is, to a caller that asked for it. */
  progress(done: number, total: number, message: string): void;
};

/** Adds itself to a server. */
export type Tool = (server: McpServer, door: Door) => void;

export function makeTool<Input extends z.ZodObject, Output extends z.ZodObject>(tool: {
  name: string;
  title: string;
  description: string;
  input: Input;
  output: Output;
  /** Whether it changes nothing. */
  reads: boolean;
  run(args: z.output<Input>, call: Call): Promise<z.input<Output>>;
}): Tool {
  const { name, title, description, input, output } = tool;
  const annotations = { readOnlyHint: tool.reads, destructiveHint: false, openWorldHint: false };
  return (server, door) => {
    const answer = async (args: unknown, context: ServerContext): Promise<CallToolResult> => {
      try {
        return succeeded(await tool.run(args as z.output<Input>, await toCall(door, context)));
      } catch (thrown) {
        // A caller that has left is nobody's mistake, and is told nothing.
        if (!(thrown instanceof AppError) && !context.mcpReq.signal.aborted) door.report(toError(thrown));
        return failed(thrown);
      }
    };
    const config = { title, description, inputSchema: input, outputSchema: output, annotations };
    server.registerTool<z.ZodObject, z.ZodObject>(name, config, answer);
  };
}

async function toCall({ client, agentId }: Door, { mcpReq }: ServerContext): Promise<Call> {
  const { _meta: meta } = mcpReq;
  const token = meta?.progressToken;
  return {
    client: await client(mcpReq.signal),
    agent: agentId === undefined ? {} : { agent_id: agentId },
    signal: mcpReq.signal,
    progress(progress, total, message) {
      if (token === undefined) return;
      const params = { progressToken: token, progress, total, message };
      // Who does not listen any more misses nothing.
      mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
    },
  };
}

function succeeded(structuredContent: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: visibleJson(structuredContent) }], structuredContent };
}

/** As text alone: clients hold structured content against the schema of a success, also when it is an error. */
function failed(thrown: unknown): CallToolResult {
  const { code, message } =
    thrown instanceof AppError ? thrown : new AppError('internal', 'Something unexpected happened.');
  return { content: [{ type: 'text', text: `${code}: ${message}` }], isError: true };
}
