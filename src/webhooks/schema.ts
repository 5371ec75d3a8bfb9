import { z } from 'zod';
import { Name } from '../lib/name.ts';

/** What a call can be about. A webhook names some of them, or the beginning of their names. */
export const TOPICS = {
  'proposal.pending': 'a proposal waits for a decision',
  'proposal.waiting': 'a reminder: it still does (policy reminders)',
  'mission.failed': 'a mission failed, and nobody cancelled it',
  'cap.reached': 'a cap of proposals is reached',
  'cap.tokens': 'a cap of tokens is reached: model steps wait',
  problem: 'something is wrong, as health says: problem.no_beat, problem.disk_low, problem.log_damaged, …',
  solved: 'a problem is over',
} as const;

export const TEMPLATES = ['json', 'ntfy', 'telegram', 'slack', 'discord'] as const;
export type TemplateName = (typeof TEMPLATES)[number];

const SECRET = /\{secret:([A-Za-z0-9][A-Za-z0-9_.-]{0,63})\}/g;

/** The names of the secrets that the address and the options of a webhook are filled with. */
export function secretsIn({ url, options }: Pick<WebhookRow, 'url' | 'options'>): string[] {
  const texts = [url, ...Object.values(options).map(String)];
  return texts.flatMap((text) => [...text.matchAll(SECRET)].map(([, name = '']) => name));
}

export function fillSecrets(text: string, secretOf: (name: string) => string): string {
  return text.replace(SECRET, (_, name: string) => secretOf(name));
}

/** Addresses that are known to be secrets themselves, written out. */
const OPEN_SECRET =
  /hooks\.slack\.com\/services\/\w|discord(app)?\.com\/api\/webhooks\/\d|api\.telegram\.org\/bot\d/;

/** The host of an address whose secrets are this text; none where the whole address is one. */
function hostWith(url: string, secret: string): string | null {
  const filled = fillSecrets(url, () => secret);
  return URL.canParse(filled) ? new URL(filled).host : null;
}

const Url = z
  .string()
  .max(1_000)
  .refine((url) => {
    const filled = /^\{secret:[^}]*\}$/.test(url) ? 'https://a.example/' : fillSecrets(url, () => 'x');
    if (filled.includes('{') || !URL.canParse(filled)) return false;
    const { protocol, username, password } = new URL(filled);
    return /^https?:$/.test(protocol) && username === '' && password === '';
  }, 'must be an http(s) address without a user or password; what is secret in it is named: {secret:name}')
  .refine(
    (url) => !OPEN_SECRET.test(url),
    'holds a secret for everybody to read: keep it with `opsloop secrets set`, and write {secret:name} in its place',
  )
  .refine(
    (url) => hostWith(url, 'x') === hostWith(url, 'y'),
    'has a secret in the name of its host, which whoever looks the name up would read; keep the whole address as the secret, or none of the host',
  )
  .refine(
    (url) => !url.includes('{secret:webhook-'),
    'names a secret that signs calls; it must not be sent to anybody',
  );

const Topic = z
  .string()
  .max(100)
  .refine(
    (topic) =>
      Object.keys(TOPICS).some(
        (known) =>
          topic === known || topic === known.split('.')[0] || /^(problem|solved)\.[\w.]+$/.test(topic),
      ),
    `must be one of ${Object.keys(TOPICS).join(', ')}, or a part such as problem.no_beat`,
  );

export const WebhookInput = z.strictObject({
  name: Name,
  url: Url,
  template: z.enum(TEMPLATES).default('json'),
  /** Telegram: chat_id. ntfy: topic. What is secret in them is named, too. */
  options: z.record(Name, z.union([z.string().max(200), z.number()])).default({}),
  topics: z.array(Topic).min(1).max(50),
  agents: z.array(Name).min(1).max(200).nullable().default(null),
  /** Calls about pending proposals get a link that decides, as the key that says so here. */
  links: z.boolean().default(false),
  paused: z.boolean().default(false),
});
export type WebhookInput = z.infer<typeof WebhookInput>;

/** What each template cannot do without. */
export const NEEDED_OPTIONS: Record<TemplateName, string[]> = {
  json: [],
  ntfy: ['topic'],
  telegram: ['chat_id'],
  slack: [],
  discord: [],
};

export type WebhookRow = {
  webhook_id: string;
  name: string;
  url: string;
  template: TemplateName;
  options: Record<string, string | number>;
  topics: string[];
  agents: string[] | null;
  links_by: string | null;
  paused: boolean;
  failing_since: Date | null;
  last_error: string | null;
  created_at: Date;
  created_by: string;
  updated_at: Date;
};

export const DELIVERY_STATES = ['waiting', 'delivered', 'skipped', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** What a call tells of; the rest is read when it is sent. */
export type About = {
  at: string;
  proposal_id: string | null;
  mission_id?: string;
  agent_id: string | null;
  message?: string;
  minutes?: number;
};

export type DeliveryRow = {
  delivery_id: string;
  webhook_id: string;
  topic: string;
  about: About;
  status: DeliveryState;
  attempts: number;
  next_at: Date;
  last_status: number | null;
  last_error: string | null;
  created_at: Date;
  ended_at: Date | null;
};

/** Whether a webhook wants to hear of this. */
export function wants(
  webhook: Pick<WebhookRow, 'topics' | 'agents'>,
  topic: string,
  agentId: string | null,
): boolean {
  const ofInterest = webhook.topics.some((wanted) => topic === wanted || topic.startsWith(`${wanted}.`));
  return ofInterest && (webhook.agents === null || (agentId !== null && webhook.agents.includes(agentId)));
}
