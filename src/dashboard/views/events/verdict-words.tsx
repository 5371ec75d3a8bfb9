import type { Verdict } from '../../data/types.ts';
import { AgentText } from '../../ui/agent-text.tsx';
import { Badge } from '../../ui/badge.tsx';
import { sayDuration, sayNumber } from '../../ui/duration.ts';
import { Facts } from '../../ui/facts.tsx';

/** What a verification found, for people. */
export function VerdictWords({ verdict }: { verdict: Verdict }) {
  const { ok, offence, events, head, heads_compared, notes, seconds, events_per_second } = verdict;
  const rate = `in ${sayDuration(seconds * 1_000)}, ${sayNumber(Math.round(events_per_second))} a second`;
  return (
    <>
      <p>
        {ok ? (
          <Badge state="ok" label="The log is what was sealed." />
        ) : (
          <Badge state="error" label="The log is NOT what was sealed." />
        )}
      </p>
      <Facts
        facts={{
          'First offence': offence && <Words text={offence.kind.replaceAll('_', ' ')} />,
          'What is wrong': offence && <Words text={offence.what} />,
          'What to do': offence && <Words text={offence.todo} />,
          Place: offence?.seq == null ? null : sayNumber(offence.seq),
          'Event id': offence?.event_id == null ? null : sayNumber(offence.event_id),
          Batch: offence?.batch
            ? `places ${sayNumber(offence.batch.first_seq)} to ${sayNumber(offence.batch.last_seq)}`
            : null,
          Checked: `${sayNumber(events.checked)} events ${rate}`,
          Dropped: events.dropped > 0 ? `${sayNumber(events.dropped)} events, as signed events tell` : null,
          'Not sealed yet': events.unsealed > 0 ? `${sayNumber(events.unsealed)} events` : null,
          'Signed heads': `${sayNumber(heads_compared)} are in the chain`,
          Head: head && `${sayNumber(head.seq)}, ${head.hash}`,
        }}
      />
      {notes.map((note) => (
        <p key={note}>
          Note: <AgentText text={note} />
        </p>
      ))}
    </>
  );
}

function Words({ text }: { text: string }) {
  return <AgentText text={text} />;
}
