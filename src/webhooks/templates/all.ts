import type { Message } from '../message.ts';
import type { TemplateName } from '../schema.ts';
import { discord } from './discord.ts';
import { json } from './json.ts';
import { ntfy } from './ntfy.ts';
import { slack } from './slack.ts';
import { telegram } from './telegram.ts';

/** A message in the form of its receiver; every one of them takes JSON. */
export const FORMS: Record<
  TemplateName,
  (message: Message, options: Record<string, string | number>) => unknown
> = { json, ntfy, telegram, slack, discord };
