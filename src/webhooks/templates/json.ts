import type { Message } from '../message.ts';

/** Everything, in the form that Standard Webhooks recommends. */
export function json({ topic, at, title, text, links, proposal, missionId }: Message) {
  return {
    type: topic,
    timestamp: at,
    data: { title, text, proposal, mission_id: missionId, view_url: links.view, decide_url: links.decide },
  };
}
