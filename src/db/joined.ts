import type { Database, Db } from './database.ts';
import type { Topic } from './hints.ts';

/**
 * A database whose transactions are all part of one that is under way, so that what makes a transaction of its own can be
 * done together with other things or not at all. Its hints are kept until `tell` is called, after the commit.
 */
export function joinTransaction(database: Database, tx: Db): { joined: Database; tell(): void } {
  const told = new Set<Topic>();
  const joined: Database = {
    url: database.url,
    query: (text, values, options) => tx.query(text, values, options),
    hints: { ...database.hints, tell: (topic) => void told.add(topic) },
    async transaction(work, opening) {
      if (opening !== undefined) await tx.query(opening);
      return work(tx);
    },
    snapshot: (work) => work(tx),
    load: () => database.load(),
    close: async () => {},
    sever: () => {},
  };
  return {
    joined,
    tell: () => {
      for (const topic of told) database.hints.tell(topic);
    },
  };
}
