import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { AgentText } from '../../ui/agent-text.tsx';
import { sayNumber } from '../../ui/duration.ts';
import styles from './loop-picture.module.css';
import type { LoopCounts } from './queries.ts';

type Count = LoopCounts['missions']['active'];

/** Proposals, gates, missions, steps by kind, outputs: what is where, and where to look at it. */
export function LoopPicture({ counts }: { counts: LoopCounts }) {
  const { proposals, missions, steps, outputs } = counts;
  return (
    <ol className={styles.loop}>
      <Stage name="Proposals" href="/proposals?status=pending">
        <Figure of={proposals.pending} label="wait for a decision" />
      </Stage>
      <Stage name="Gates" href="/policy">
        <Figure of={proposals.admitted_today} label="admitted today" />
        <Figure of={proposals.rejected_today} label="rejected today" />
      </Stage>
      <Stage name="Missions" href="/missions?status=active">
        <Figure of={missions.active} label="at work" />
      </Stage>
      <Stage name="Steps" href="/missions?status=active">
        {steps.length === 0 && <p className={styles.quiet}>none is open</p>}
        {steps.map(({ kind, ...states }) => (
          <p key={kind} className={styles.kind}>
            <AgentText text={kind} /> <Open {...states} />
          </p>
        ))}
      </Stage>
      <Stage name="Outputs" href="/files">
        <Figure of={outputs.published_today} label="written today" />
        {outputs.unwritten.count > 0 && <Figure of={outputs.unwritten} label="not written yet" />}
      </Stage>
    </ol>
  );
}

function Stage({ name, href, children }: { name: string; href: string; children: ReactNode }) {
  return (
    <li className={styles.stage}>
      <h3>
        <Link href={href}>{name}</Link>
      </h3>
      {children}
    </li>
  );
}

/** A count; it flashes when it changes, so that movement is seen from the corner of an eye. */
function Figure({ of, label }: { of: Count | number; label: string }) {
  const said = typeof of === 'number' ? sayNumber(of) : sayCount(of);
  return (
    <p>
      <strong key={said} className={styles.figure}>
        {said}
      </strong>{' '}
      <span className={styles.quiet}>{label}</span>
    </p>
  );
}

function Open({ running, ready, delayed, waiting }: Omit<LoopCounts['steps'][number], 'kind'>) {
  const parts: [Count, string][] = [
    [running, 'running'],
    [ready, 'ready'],
    [delayed, 'delayed'],
    [waiting, 'waiting'],
  ];
  return (
    <span className={styles.quiet}>
      {parts
        .filter(([{ count }]) => count > 0)
        .map(([count, name]) => `${sayCount(count)} ${name}`)
        .join(', ')}
    </span>
  );
}

function sayCount({ count, more }: Count): string {
  return `${sayNumber(count)}${more ? '+' : ''}`;
}
