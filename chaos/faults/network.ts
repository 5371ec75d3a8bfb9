import type { Counts, Link, Mode } from '../proxy/link.ts';
import { API_LINKS, DATABASE_LINKS } from '../stage/cast.ts';
import type { Fault } from './fault.ts';

const LINKS = [...DATABASE_LINKS, ...API_LINKS];

type Given = {
  name: string;
  seconds: number;
  targets?: readonly string[];
  begin(link: Link): void;
  end?(link: Link): void;
  /** What shows that it struck. */
  count: keyof Counts;
  word: string;
};

const fault = ({ name, seconds, targets = LINKS, begin, end, count, word }: Given): Fault => ({
  name,
  lane: 'database',
  targets,
  seconds,
  async strike(stage, target) {
    const link = stage.link(target);
    const before = link.counts[count];
    let after: number | null = null;
    begin(link);
    // There may be nobody on the link at the moment.
    const again = setInterval(() => link.counts[count] === before && begin(link), 200);
    return {
      async end() {
        clearInterval(again);
        link.set({ kind: 'pass' });
        end?.(link);
        after = link.counts[count];
      },
      evidence() {
        const times = (after ?? link.counts[count]) - before;
        return times > 0 ? `${times} ${word}` : null;
      },
    };
  },
});

const mode = (next: Mode) => (link: Link) => link.set(next);

export const NETWORK_FAULTS: Fault[] = [
  fault({
    name: 'cut',
    seconds: 4,
    begin: (link) => link.cut(true),
    end: (link) => link.cut(false),
    count: 'cut',
    word: 'connections cut or refused',
  }),
  fault({
    name: 'delay',
    seconds: 6,
    begin: mode({ kind: 'delay', ms: 150 }),
    count: 'delayed',
    word: 'pieces late',
  }),
  fault({
    name: 'slice',
    seconds: 6,
    begin: mode({ kind: 'slice' }),
    count: 'sliced',
    word: 'pieces sent by bytes',
  }),
  // Longer than a lease: whoever is behind it is declared dead, and what it has sent arrives afterwards.
  fault({
    name: 'black-hole',
    seconds: 13,
    begin: mode({ kind: 'hold', what: 'everything' }),
    count: 'held',
    word: 'directions of connections silent',
  }),
  fault({
    name: 'black-hole-answers',
    seconds: 10,
    begin: mode({ kind: 'hold', what: 'answers' }),
    count: 'held',
    word: 'answers held back',
  }),
  fault({
    name: 'half-open',
    seconds: 5,
    begin: (link) => link.forget(),
    count: 'forgotten',
    word: 'connections whose far side was gone',
  }),
  fault({
    name: 'reply-lost-after-commit',
    seconds: 8,
    targets: DATABASE_LINKS,
    begin: mode({ kind: 'lose-replies' }),
    count: 'commitsLost',
    word: 'COMMITs whose answer was lost',
  }),
];
